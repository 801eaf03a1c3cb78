/**
 * `sequence`: elements of a key that follow one another in a given way: A, then B within five minutes, without C between.
 *
 * State: `<step>|<key>` the sequences that have begun; `<step>:due|<key>` when the first of them is over.
 */

import type { Key, Operator, Scope, Stage } from "../pipeline/operator.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import type { EventTimers } from "../time/event_timers.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";

/** One element of a sequence; `before` are those that were found already. */
export type SequencePart<T> = (value: T, before: readonly T[]) => boolean;

/** What is looked for. */
export interface SequenceOptions<T> {
  /** What the elements are like, one after the other; others may come in between. */
  readonly parts: readonly SequencePart<T>[];
  /** The time from the first to the last at most. */
  readonly within: Duration;
  /** An element for which this answers true ends what has begun. */
  readonly without?: SequencePart<T>;
  /** How many sequences of a key may be open at once; one more fails. @default {1000} */
  readonly openMax?: number;
}

/** A sequence: whole, or what there was of it when its time was over. */
export interface Sequence<T> {
  /** Whose it is. */
  readonly key: Key;
  /** The time of its first element. */
  readonly startMs: number;
  /** The time of its last element. */
  readonly endMs: number;
  /** Its elements. */
  readonly elements: readonly T[];
}

interface Begun {
  readonly startMs: number;
  readonly endMs: number;
  readonly elements: readonly unknown[];
}

/**
 * Finds sequences, in the order in which elements come (use `inOrder` before for that of time). Every element that can be
 * the first begins one; each takes the first element that can be its next. One element can serve several sequences.
 *
 * What is not whole in time goes to `expired`, where somebody takes it: "A without B within five minutes".
 *
 * Bound: the sequences open within the time and the lateness, `openMax` per key.
 */
export function sequence<T>(options: SequenceOptions<T>): Operator<T, Sequence<T>, { readonly expired: Sequence<T> }> {
  const { parts, within } = options;
  if (parts.length < 2) {
    throw new TypeError(`Cannot look for a sequence of ${parts.length}: two parts or more are wanted`);
  }
  const withinMs = positiveMs(within, "time");
  return {
    kind: "sequence",
    detail: `${parts.length} within ${within}`,
    isStateful: true,
    grainMs: 1,
    open: (scope, down) => new SequenceStage(scope, down, { openMax: 1000, ...options, withinMs }),
  };
}

type Parts<T> = SequenceOptions<T> & { readonly withinMs: number; readonly openMax: number };

class SequenceStage<T> implements Stage<T> {
  readonly #parts: Parts<T>;
  readonly #scope: Scope;
  readonly #down: Stage<Sequence<T>>;
  readonly #expired: Stage<Sequence<T>> | undefined;
  readonly #timers: EventTimers;

  constructor(scope: Scope, down: Stage<Sequence<T>>, parts: Parts<T>) {
    this.#parts = parts;
    this.#scope = scope;
    this.#down = down;
    this.#expired = scope.side("expired");
    this.#timers = scope.timers((part, atMs) => this.#expire(part, atMs));
  }

  push(value: T, key: Key, timeMs: number): void {
    const part = keyPart(key);
    const begun = this.#begunOf(part);
    const open = begun.flatMap((each) => this.#take(each, value, key, timeMs));
    if (this.#parts.parts[0](value, [])) open.push({ startMs: timeMs, endMs: timeMs, elements: [value] });
    if (open.length > this.#parts.openMax) {
      throw new RangeError(
        `Cannot keep more than ${this.#parts.openMax} sequences of key ${JSON.stringify(key)} open in step ` +
          `${this.#scope.name}: raise openMax, or look for something rarer`,
      );
    }
    if (open.length > 0 || begun.length > 0) this.#put(part, open);
  }

  advance(watermarkMs: number): void {
    this.#timers.advance(watermarkMs);
    this.#down.advance(watermarkMs);
  }

  /** What becomes of a sequence with one more element of its key: nothing is left of one that is whole or ended. */
  #take(begun: Begun, value: T, key: Key, timeMs: number): Begun[] {
    const { parts, without, withinMs } = this.#parts;
    const elements = begun.elements as readonly T[];
    if (timeMs > begun.startMs + withinMs) return [begun];
    if (without?.(value, elements)) return [];
    if (!parts[elements.length](value, elements)) return [begun];
    const longer = { startMs: begun.startMs, endMs: Math.max(begun.endMs, timeMs), elements: [...elements, value] };
    if (longer.elements.length < parts.length) return [longer];
    this.#down.push({ key, ...longer }, key, timeMs);
    return [];
  }

  #expire(part: string, atMs: number): void {
    const key = keyOf(part);
    const begun = this.#begunOf(part);
    const isOver = ({ startMs }: Begun) => startMs + this.#parts.withinMs < atMs;
    for (const each of begun.filter(isOver)) {
      this.#expired?.push({ key, ...each, elements: each.elements as readonly T[] }, key, atMs - 1);
    }
    this.#put(part, begun.filter((each) => !isOver(each)));
  }

  #begunOf(part: string): readonly Begun[] {
    return this.#scope.state.group(this.#scope.name).get<readonly Begun[]>(part) ?? [];
  }

  #put(part: string, open: readonly Begun[]): void {
    const group = this.#scope.state.group(this.#scope.name);
    if (open.length === 0) {
      group.delete(part);
      this.#timers.clear(part);
      return;
    }
    group.set(part, open);
    this.#timers.set(part, Math.min(...open.map(({ startMs }) => startMs)) + this.#parts.withinMs + 1);
  }
}
