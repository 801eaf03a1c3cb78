/** What a window amounts to. */

import type { Key } from "../pipeline/operator.ts";

/** Which window a result is of. */
export interface WindowBounds {
  /** What its elements have in common. */
  readonly key: Key;
  /** Where it begins, in milliseconds since the epoch. */
  readonly startMs: number;
  /** Where it ends: not part of it, but for sessions, counts and sliding windows, which end with their last element. */
  readonly endMs: number;
}

/** What is said of a result that is not the one and only. */
export interface WindowMarks {
  /** With early results: whether this is the last one of its window. */
  readonly isFinal?: boolean;
  /** With `retract`: takes an earlier result back, which it repeats. */
  readonly isRetraction?: boolean;
  /** Whether the window ended before it was full, or before the value changed. */
  readonly isPartial?: boolean;
}

/** The result of a window: its bounds, its marks, and the aggregates by name. */
export type WindowResult<Aggregates> = WindowBounds & WindowMarks & Aggregates;

/** The aggregates of a window, by name. */
export type Results = Readonly<Record<string, unknown>>;
