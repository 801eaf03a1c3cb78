/**
 * `windowJoin`: pairs of elements of equal keys in the same window, when the window closes.
 *
 * State: `<step>:<side>@<window>|<key>` the elements of a key; `<step>:due|<end>` a window that is open.
 */

import { compareText, type State, type StateGroup } from "../../engine/state.ts";
import type { Junction, JunctionOperator, Key, Scope, Stage } from "../pipeline/operator.ts";
import { EventTime } from "../pipeline/event_time.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import type { AlignedWindows } from "../windows/windows.ts";
import { type Combine, isOuter, type JoinKind, type JoinSides, LEFT } from "./joining.ts";

/** What becomes of the pairs. */
export interface WindowJoinOptions<L, R, Out> {
  /** Whose elements get a result without a partner. @default {"inner"} */
  readonly kind?: JoinKind;
  /** Makes the result. */
  readonly combine: Combine<L, R, Out>;
}

/**
 * Joins each element with all of the other stream that have its key and window: tumbling or calendar windows.
 *
 * - Results come when the window closes, in order of key, then of the left and the right elements by time; their time is
 *   the last millisecond of the window.
 * - Late is what comes when its window is closed.
 * - Bound: the elements of the open windows.
 *
 * @throws {TypeError} for windows that overlap: use an interval join
 */
export function windowJoin<L, R, Out>(
  windows: AlignedWindows,
  { kind = "inner", combine }: WindowJoinOptions<L, R, Out>,
): JunctionOperator<readonly [L, R], Out, JoinSides<L, R>> {
  if (windows.endsOf(windows.sliceAt(0).startMs).length !== 1) {
    throw new TypeError(`Cannot join in windows ${windows.detail}: they overlap; use intervalJoin`);
  }
  return {
    kind: "join",
    detail: `${kind}, in windows ${windows.detail}`,
    isStateful: true,
    grainMs: windows.grainMs,
    open: (scope, down) => new WindowJoin(windows, { scope, down, kind, combine }),
  };
}

interface JoinParts<L, R, Out> {
  readonly scope: Scope;
  readonly down: Stage<Out>;
  readonly kind: JoinKind;
  readonly combine: Combine<L, R, Out>;
}

type Waiting = readonly [timeMs: number, value: unknown];

const SIDES = ["left", "right"];

class WindowJoin<L, R, Out> implements Junction {
  readonly #windows: AlignedWindows;
  readonly #parts: JoinParts<L, R, Out>;
  readonly #state: State;
  readonly #time: EventTime<L | R>;

  constructor(windows: AlignedWindows, parts: JoinParts<L, R, Out>) {
    this.#windows = windows;
    this.#parts = parts;
    this.#state = parts.scope.state;
    this.#time = new EventTime(parts.scope, parts.down, (_, endMs) => this.#close(endMs));
    this.#timeInherited();
  }

  /** Where a task goes on with the keys of another (Kinesis), what belongs to no key may have gone elsewhere. */
  #timeInherited(): void {
    for (const side of SIDES) {
      const prefix = `${this.#parts.scope.name}:${side}@`;
      for (const group of this.#state.groups(prefix)) {
        const { endMs } = this.#windows.sliceAt(Number(group.slice(prefix.length)));
        this.#time.timers.set(String(endMs), endMs);
      }
    }
  }

  push(input: number, value: unknown, key: Key, timeMs: number): void {
    const { startMs, endMs } = this.#windows.sliceAt(timeMs);
    if (endMs <= this.#time.watermarkMs) {
      return this.#time.refuse(value as L | R, key, timeMs);
    }
    const group = this.#group(input, startMs);
    const part = keyPart(key);
    const waiting = group.get<Waiting[]>(part) ?? [];
    const at = waiting.findLastIndex(([eachMs]) => eachMs <= timeMs) + 1;
    group.set(part, waiting.toSpliced(at, 0, [timeMs, value]));
    this.#time.timers.set(String(endMs), endMs);
  }

  advance(watermarkMs: number): void {
    this.#time.advance(watermarkMs);
  }

  #close(endMs: number): void {
    const [startMs] = this.#windows.slicesOf(endMs);
    const groups = SIDES.map((_, input) => this.#group(input, startMs));
    for (const part of [...new Set(groups.flatMap((group) => group.keys()))].sort(compareText)) {
      const [lefts, rights] = groups.map((group) => group.get<Waiting[]>(part) ?? []);
      this.#give(lefts, rights, keyOf(part), endMs - 1);
      for (const group of groups) group.delete(part);
    }
  }

  #give(lefts: readonly Waiting[], rights: readonly Waiting[], key: Key, timeMs: number): void {
    const { kind, combine, down } = this.#parts;
    const alone = (waiting: readonly Waiting[], input: number): readonly (Waiting | undefined)[] =>
      waiting.length === 0 && isOuter(kind, 1 - input) ? [undefined] : waiting;
    for (const left of alone(lefts, LEFT)) {
      for (const right of alone(rights, 1)) {
        down.push(combine((left?.[1] ?? null) as L | null, (right?.[1] ?? null) as R | null, key), key, timeMs);
      }
    }
  }

  #group(input: number, startMs: number): StateGroup {
    return this.#state.group(`${this.#parts.scope.name}:${SIDES[input]}@${startMs}`);
  }
}
