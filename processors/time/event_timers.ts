/**
 * Timers in event time: due once the watermark has reached them, in `(at, key)` order.
 *
 * They are entries of the state, so they are journaled, restored and rolled back with it. The order among them is kept
 * beside it, in memory: a realm that begins anew finds it again in the state.
 */

import type { State, StateGroup } from "../../engine/state.ts";
import { ownText } from "../../engine/stored_value.ts";
import { TimerHeap } from "../../engine/timer_heap.ts";

/** Called for a timer that is due; it is gone by then, and may be set again. */
export type OnDue = (key: string, atMs: number) => void;

/** See the module. */
export class EventTimers {
  readonly #times: StateGroup;
  readonly #onDue: OnDue;
  readonly #heap = new TimerHeap();

  /**
   * Finds in the state what is set.
   *
   * @param step the name of the step they belong to
   */
  constructor(step: string, state: State, onDue: OnDue) {
    this.#times = state.group(`${step}:due`);
    this.#onDue = onDue;
    this.#heap.rebuild(this.#times.keys().map((key) => ({ key, atMs: this.get(key)! })));
  }

  /** Whether none is set. */
  get isEmpty(): boolean {
    return this.#nextMs() === undefined;
  }

  /** When the timer of `key` is due. */
  get(key: string): number | undefined {
    return this.#times.get<number>(key);
  }

  /** Sets the timer of `key`; an earlier one is replaced. */
  set(key: string, atMs: number): void {
    if (this.get(key) === atMs) return;
    this.#times.set(key, atMs);
    this.#heap.push({ key: ownText(key), atMs });
  }

  /** Clears the timer of `key`. */
  clear(key: string): void {
    this.#times.delete(key);
  }

  /** Fires what is due at `watermarkMs`. */
  advance(watermarkMs: number): void {
    for (let atMs = this.#nextMs(); atMs !== undefined && atMs <= watermarkMs; atMs = this.#nextMs()) {
      const { key } = this.#heap.pop()!;
      this.#times.delete(key);
      this.#onDue(key, atMs);
    }
  }

  #nextMs(): number | undefined {
    for (let top = this.#heap.first; top; top = this.#heap.first) {
      if (this.get(top.key) === top.atMs) return top.atMs;
      this.#heap.pop();
    }
    return undefined;
  }
}
