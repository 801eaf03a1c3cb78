/**
 * `asOfJoin`: each element of the left stream with what the right stream had last for its key, as of its time.
 *
 * State: `<step>:left|<key>` elements that wait for the watermark; `<step>:right|<key>` what they can still ask for;
 * `<step>:due|<key>` when to look at a key.
 */

import type { StateGroup } from "../../engine/state.ts";
import type { Junction, JunctionOperator, Key, Scope, Stage } from "../pipeline/operator.ts";
import { EventTime } from "../pipeline/event_time.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import { type Combine, type JoinSides, LEFT } from "./joining.ts";

/** What becomes of the pairs. */
export interface AsOfJoinOptions<L, R, Out> {
  /** How old the right element may be at most. @default {any age} */
  readonly within?: Duration;
  /** Whether left elements without a partner get a result. @default {"left"} */
  readonly kind?: "inner" | "left";
  /** Makes the result. */
  readonly combine: Combine<L, R, Out>;
}

/**
 * Joins each left element with the latest right element of its key that is not later. Of equal times, the right element
 * counts as earlier than the left one, and of two right ones the one that came last.
 *
 * - A result comes when the watermark has passed the time of its left element: nothing that it should have seen is to
 *   come. Results of a key are in order of time. Their time is that of the left element.
 * - Late is what is earlier than the watermark.
 * - Bound: left elements within the lateness; right ones within the lateness, and one more per key, with `within` only as
 *   long as it can be asked for.
 */
export function asOfJoin<L, R, Out>(
  { within, kind = "left", combine }: AsOfJoinOptions<L, R, Out>,
): JunctionOperator<readonly [L, R], Out, JoinSides<L, R>> {
  const withinMs = within === undefined ? Infinity : positiveMs(within, "age");
  return {
    kind: "join",
    detail: `${kind}, as of the left time${within === undefined ? "" : `, at most ${within} old`}`,
    isStateful: true,
    grainMs: 1,
    open: (scope, down) => new AsOfJoin({ scope, down, withinMs, kind, combine }),
  };
}

interface JoinParts<L, R, Out> {
  readonly scope: Scope;
  readonly down: Stage<Out>;
  readonly withinMs: number;
  readonly kind: "inner" | "left";
  readonly combine: Combine<L, R, Out>;
}

type Timed = readonly [timeMs: number, value: unknown];

class AsOfJoin<L, R, Out> implements Junction {
  readonly #parts: JoinParts<L, R, Out>;
  readonly #sides: readonly StateGroup[];
  readonly #time: EventTime<L | R>;

  constructor(parts: JoinParts<L, R, Out>) {
    this.#parts = parts;
    const { name, state } = parts.scope;
    this.#sides = ["left", "right"].map((side) => state.group(`${name}:${side}`));
    this.#time = new EventTime(parts.scope, parts.down, (part, atMs) => this.#look(part, atMs));
  }

  push(input: number, value: unknown, key: Key, timeMs: number): void {
    if (timeMs < this.#time.watermarkMs) {
      return this.#time.refuse(value as L | R, key, timeMs);
    }
    const part = keyPart(key);
    const waiting = this.#sides[input].get<Timed[]>(part) ?? [];
    const at = waiting.findLastIndex(([eachMs]) => eachMs <= timeMs) + 1;
    this.#sides[input].set(part, waiting.toSpliced(at, 0, [timeMs, value]));
    this.#setTimer(part, timeMs + 1);
  }

  advance(watermarkMs: number): void {
    this.#time.advance(watermarkMs);
  }

  #setTimer(part: string, atMs: number): void {
    const setMs = this.#time.timers.get(part);
    if (setMs === undefined || atMs < setMs) this.#time.timers.set(part, atMs);
  }

  /** Everything before `atMs` has come. */
  #look(part: string, atMs: number): void {
    const [lefts, rights] = this.#sides.map((side) => side.get<Timed[]>(part) ?? []);
    const answered = lefts.filter(([timeMs]) => timeMs < atMs);
    for (const left of answered) this.#give(left, rights, keyOf(part));
    this.#keep(LEFT, part, lefts.slice(answered.length));
    // Of those that have come, only the latest can be asked for, and only for as long as it is not too old.
    const newest = rights.findLastIndex(([timeMs]) => timeMs < atMs);
    const left = rights.slice(Math.max(0, newest)).filter(([timeMs]) => timeMs + this.#parts.withinMs >= atMs);
    this.#keep(1, part, left);
    this.#setNext(part, atMs, lefts.slice(answered.length), left);
  }

  #setNext(part: string, atMs: number, lefts: readonly Timed[], rights: readonly Timed[]): void {
    const upcoming = [...lefts, ...rights].map(([timeMs]) => timeMs + 1).filter((eachMs) => eachMs > atMs);
    const expiries = rights.map(([timeMs]) => timeMs + this.#parts.withinMs + 1);
    const nextMs = Math.min(...upcoming, ...expiries);
    if (nextMs < Infinity) this.#time.timers.set(part, nextMs);
  }

  #give([timeMs, value]: Timed, rights: readonly Timed[], key: Key): void {
    const { withinMs, kind, combine, down } = this.#parts;
    const found = rights.findLast(([rightMs]) => rightMs <= timeMs);
    const partner = found !== undefined && found[0] + withinMs >= timeMs ? found[1] : null;
    if (partner === null && kind === "inner") return;
    down.push(combine(value as L, partner as R | null, key), key, timeMs);
  }

  #keep(input: number, part: string, elements: readonly Timed[]): void {
    if (elements.length === 0) this.#sides[input].delete(part);
    else this.#sides[input].set(part, elements);
  }
}
