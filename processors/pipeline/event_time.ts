/** What a step knows of event time: the watermark, timers that it makes due, and where what comes too late goes. */

import type { EventTimers, OnDue } from "../time/event_timers.ts";
import { type Key, LateError, type Scope, type Stage } from "./operator.ts";

/** See the module. `T` are the elements that may be late. */
export class EventTime<T> {
  readonly timers: EventTimers;
  readonly #scope: Scope;
  readonly #down: Stage<never>;
  readonly #late: Stage<T> | undefined;
  #watermarkMs = -Infinity;

  /** @param down learns the time after the timers that it makes due */
  constructor(scope: Scope, down: Stage<never>, onDue: OnDue) {
    this.#scope = scope;
    this.#down = down;
    this.#late = scope.side("late");
    this.timers = scope.timers(onDue);
  }

  /** Nothing before it is to come. */
  get watermarkMs(): number {
    return this.#watermarkMs;
  }

  /** To be called by the stage's own `advance`. */
  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.timers.advance(watermarkMs);
    this.#down.advance(watermarkMs);
  }

  /**
   * Passes an element that is late on to the stream for such.
   *
   * @throws {LateError} when nobody takes it
   */
  refuse(value: T, key: Key, timeMs: number): void {
    if (!this.#late) throw new LateError(this.#scope.name, timeMs, this.#watermarkMs);
    this.#late.push(value, key, timeMs);
  }
}
