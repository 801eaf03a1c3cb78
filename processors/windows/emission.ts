/**
 * When results are given: once, or early and again. Early results are remembered until their window closes, so that each
 * can be taken back before the next one.
 */

import type { Aggregate } from "../aggregates/aggregate.ts";
import type { Scope, Stage } from "../pipeline/operator.ts";
import type { Results, WindowBounds, WindowResult } from "./window_result.ts";

/** When results are given: when the window closes, at every element besides, or at every so many. */
export type EmitPolicy = "close" | "update" | number;

/** What a stage of windows works with. */
export interface WindowParts<T> {
  readonly scope: Scope;
  readonly down: Stage<WindowResult<Results>>;
  readonly aggregate: Aggregate<T, Results>;
  readonly emit: EmitPolicy;
  readonly retract: boolean;
}

/** What is remembered of the early results of a window: how many elements it had, and the last result, as it was given. */
export type Early = readonly [elements: number, given: WindowResult<Results> | null];

/** Nothing yet. */
export const NO_EARLY: Early = [0, null];

/** Gives results. */
export class Emission {
  readonly #down: Stage<WindowResult<Results>>;
  readonly #every: number;
  readonly #retract: boolean;

  constructor({ down, emit, retract }: Pick<WindowParts<never>, "down" | "emit" | "retract">) {
    this.#down = down;
    this.#every = emit === "close" ? Infinity : emit === "update" ? 1 : emit;
    this.#retract = retract;
  }

  /** Whether there are results before windows close. */
  get isEarly(): boolean {
    return this.#every !== Infinity;
  }

  /** One more element is in; `result` says what the window amounts to now. */
  update(bounds: WindowBounds, [elements, before]: Early, result: () => Results, timeMs: number): Early {
    if ((elements + 1) % this.#every !== 0) return [elements + 1, before];
    this.retract(before, timeMs);
    const { key, startMs, endMs } = bounds;
    const now = { key, startMs, endMs, ...result(), isFinal: false };
    this.#down.push(now, key, timeMs);
    return [elements + 1, now];
  }

  /** The window is closed. */
  close(bounds: WindowBounds, before: Early[1], result: Results, timeMs: number): void {
    this.retract(before, timeMs);
    const { key, startMs, endMs } = bounds;
    this.#down.push({ key, startMs, endMs, ...result, ...(this.isEarly ? { isFinal: true } : undefined) }, key, timeMs);
  }

  /** Takes an early result back. */
  retract(before: Early[1], timeMs: number): void {
    if (!this.#retract || before === null) return;
    this.#down.push({ ...before, isRetraction: true }, before.key, timeMs);
  }
}
