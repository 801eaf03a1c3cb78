/**
 * `intervalJoin`: pairs of elements of equal keys whose times are close.
 *
 * Elements wait in buckets of time; a bucket is forgotten as a whole once nothing that is to come can reach it.
 *
 * State: `<step>:<side>@<bucket>|<key>` the elements of a key; `<step>:due|<side>@<bucket>` when a bucket is forgotten.
 */

import type { State, StateGroup } from "../../engine/state.ts";
import type { Junction, JunctionOperator, Key, Scope, Stage } from "../pipeline/operator.ts";
import { EventTime } from "../pipeline/event_time.ts";
import { greatestCommonDivisor } from "../time/divisor.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import { type Combine, combineFrom, isOuter, type JoinKind, type JoinSides, LEFT } from "./joining.ts";

/** Which pairs there are, and what becomes of them. */
export interface IntervalJoinOptions<L, R, Out> {
  /** How far apart two elements may be; or give `before` and `after`. */
  readonly within?: Duration;
  /** How much earlier than the left element the right one may be. @default {0} */
  readonly before?: Duration;
  /** How much later than the left element the right one may be. @default {0} */
  readonly after?: Duration;
  /** Whose elements get a result without a partner. @default {"inner"} */
  readonly kind?: JoinKind;
  /** Makes the result. */
  readonly combine: Combine<L, R, Out>;
}

/**
 * Joins elements of equal keys when `left - before <= right <= left + after`. All pairs match, whichever comes first.
 *
 * - A pair comes as soon as both are there; its time is the later one. Of several partners the earlier ones come first.
 * - With `left` and `outer`, an element without a partner comes when none can come any more.
 * - Late is what is earlier than the watermark, which moves in steps of the interval (with the lateness, of what divides
 *   both).
 * - Bound: the elements of each side within the interval, its bucket and the lateness.
 */
export function intervalJoin<L, R, Out>(
  { within = 0, before = within, after = within, kind = "inner", combine }: IntervalJoinOptions<L, R, Out>,
): JunctionOperator<readonly [L, R], Out, JoinSides<L, R>> {
  const beforeMs = durationMs(before);
  const afterMs = durationMs(after);
  const bucketMs = Math.max(1, beforeMs, afterMs);
  return {
    kind: "join",
    detail: `${kind}, right within [-${before}, +${after}] of left`,
    isStateful: true,
    grainMs: [beforeMs, afterMs].reduce(greatestCommonDivisor, bucketMs),
    open: (scope, down) => new IntervalJoin({ scope, down, beforeMs, afterMs, bucketMs, kind, combine }),
  };
}

interface JoinParts<L, R, Out> {
  readonly scope: Scope;
  readonly down: Stage<Out>;
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly bucketMs: number;
  readonly kind: JoinKind;
  readonly combine: Combine<L, R, Out>;
}

interface Bucket {
  readonly elements: StateGroup;
  /** Whether the timer that ends it is known to be set. */
  isTimed: boolean;
}

type Waiting = [timeMs: number, value: unknown, isMatched: 0 | 1];

const SIDES = ["left", "right"];

/** Buckets at hand: those that are looked into and hold nothing are not forgotten one by one. */
const BUCKETS_KEPT_MAX = 64;

class IntervalJoin<L, R, Out> implements Junction {
  readonly #parts: JoinParts<L, R, Out>;
  readonly #state: State;
  readonly #time: EventTime<L | R>;
  readonly #combine: (input: number, own: unknown, other: unknown, key: Key) => Out;
  /** The buckets that were used of late, by side. */
  readonly #buckets: readonly Map<number, Bucket>[] = [new Map(), new Map()];

  constructor(parts: JoinParts<L, R, Out>) {
    this.#parts = parts;
    this.#state = parts.scope.state;
    this.#time = new EventTime(parts.scope, parts.down, (name, atMs) => this.#forget(name, atMs));
    this.#combine = combineFrom(parts.combine);
    this.#timeInherited();
  }

  push(input: number, value: unknown, key: Key, timeMs: number): void {
    if (timeMs < this.#time.watermarkMs) {
      return this.#time.refuse(value as L | R, key, timeMs);
    }
    const part = keyPart(key);
    const hasMatched = this.#match(input, value, key, timeMs);
    const bucket = this.#bucketOf(timeMs);
    const own = this.#at(input, bucket);
    const waiting = own.elements.get<Waiting[]>(part);
    const element: Waiting = [timeMs, value, hasMatched ? 1 : 0];
    own.elements.set(part, waiting === undefined ? [element] : inserted(waiting, element));
    if (!own.isTimed) this.#setTimer(input, bucket, own);
  }

  advance(watermarkMs: number): void {
    this.#time.advance(watermarkMs);
    for (const known of this.#buckets) if (known.size > BUCKETS_KEPT_MAX) known.clear();
  }

  #match(input: number, value: unknown, key: Key, timeMs: number): boolean {
    const { beforeMs, afterMs, down } = this.#parts;
    const [backMs, forthMs] = input === LEFT ? [beforeMs, afterMs] : [afterMs, beforeMs];
    const other = 1 - input;
    const part = keyPart(key);
    let hasMatched = false;
    const last = this.#bucketOf(timeMs + forthMs);
    for (let bucket = this.#bucketOf(timeMs - backMs); bucket <= last; bucket++) {
      const group = this.#at(other, bucket).elements;
      const waiting = group.get<Waiting[]>(part);
      if (waiting === undefined) continue;
      let hasChanged = false;
      for (const partner of waiting) {
        const [partnerMs, partnerValue] = partner;
        if (partnerMs < timeMs - backMs || partnerMs > timeMs + forthMs) continue;
        hasMatched = true;
        hasChanged ||= partner[2] === 0;
        partner[2] = 1;
        down.push(this.#combine(input, value, partnerValue, key), key, Math.max(timeMs, partnerMs));
      }
      if (hasChanged && isOuter(this.#parts.kind, other)) group.set(part, waiting);
    }
    return hasMatched;
  }

  #bucketOf(timeMs: number): number {
    return Math.floor(timeMs / this.#parts.bucketMs);
  }

  #at(input: number, number: number): Bucket {
    const known = this.#buckets[input];
    let bucket = known.get(number);
    if (!bucket) {
      const elements = this.#state.group(`${this.#parts.scope.name}:${SIDES[input]}@${number}`);
      known.set(number, bucket = { elements, isTimed: false });
    }
    return bucket;
  }

  /** Where a task goes on with the keys of another (Kinesis), what belongs to no key may have gone elsewhere. */
  #timeInherited(): void {
    SIDES.forEach((side, input) => {
      const prefix = `${this.#parts.scope.name}:${side}@`;
      for (const group of this.#state.groups(prefix)) {
        const number = Number(group.slice(prefix.length));
        this.#setTimer(input, number, this.#at(input, number));
      }
    });
  }

  #setTimer(input: number, number: number, bucket: Bucket): void {
    const { beforeMs, afterMs, bucketMs } = this.#parts;
    bucket.isTimed = true;
    const dueMs = (number + 1) * bucketMs + (input === LEFT ? afterMs : beforeMs);
    this.#time.timers.set(`${SIDES[input]}@${number}`, dueMs);
  }

  #forget(name: string, atMs: number): void {
    const [side, bucket] = name.split("@");
    const input = SIDES.indexOf(side);
    const group = this.#at(input, Number(bucket)).elements;
    for (const part of group.keys()) {
      if (isOuter(this.#parts.kind, input)) this.#giveAlone(input, group.get<Waiting[]>(part)!, keyOf(part), atMs - 1);
      group.delete(part);
    }
    this.#buckets[input].delete(Number(bucket));
  }

  #giveAlone(input: number, waiting: readonly Waiting[], key: Key, timeMs: number): void {
    for (const [, value, isMatched] of waiting) {
      if (isMatched === 0) this.#parts.down.push(this.#combine(input, value, null, key), key, timeMs);
    }
  }
}

/** In order of time; of equal times, in the order in which they came. */
function inserted(waiting: Waiting[], element: Waiting): Waiting[] {
  const at = waiting.findLastIndex(([timeMs]) => timeMs <= element[0]) + 1;
  waiting.splice(at, 0, element);
  return waiting;
}
