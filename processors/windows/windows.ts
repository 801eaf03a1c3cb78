/** The kinds of windows. Each says what it is; how it is kept is in the file of its stage. */

import type { Key } from "../pipeline/operator.ts";

/** How the elements of a key are divided. */
export type Windows<T> = AlignedWindows | SessionWindows | SlidingWindows | CountWindows | ChangeWindows<T>;

/** Windows that are the same for all keys: tumbling, hopping, calendar. */
export interface AlignedWindows {
  /** Tells it from the others. */
  readonly kind: "aligned";
  /** For people. */
  readonly detail: string;
  /** What all bounds are multiples of. */
  readonly grainMs: number;
  /** The slice that `timeMs` is in; a window is made of whole slices. */
  sliceAt(timeMs: number): Slice;
  /** Where the windows end that the slice which begins at `startMs` is part of, rising. */
  endsOf(startMs: number): readonly number[];
  /** Where the slices begin that the window which ends at `endMs` is made of, rising. */
  slicesOf(endMs: number): readonly number[];
}

/** A stretch of time, without its end. */
export interface Slice {
  /** Its first millisecond. */
  readonly startMs: number;
  /** The one after its last. */
  readonly endMs: number;
}

/** Windows that a pause ends. */
export interface SessionWindows {
  /** Tells it from the others. */
  readonly kind: "session";
  /** For people. */
  readonly detail: string;
  /** The longest pause within a session. */
  readonly gapMs: number;
}

/** A window per element: what happened in the time before it, itself included. */
export interface SlidingWindows {
  /** Tells it from the others. */
  readonly kind: "sliding";
  /** For people. */
  readonly detail: string;
  /** How long a window is. */
  readonly sizeMs: number;
}

/** Windows of so many elements. */
export interface CountWindows {
  /** Tells it from the others. */
  readonly kind: "count";
  /** For people. */
  readonly detail: string;
  /** How many elements a window has. */
  readonly size: number;
  /** A window that has had no element for so long ends as it is. */
  readonly ttlMs: number | undefined;
}

/** Windows that end when something changes. */
export interface ChangeWindows<T> {
  /** Tells it from the others. */
  readonly kind: "change";
  /** For people. */
  readonly detail: string;
  /** What stays the same in a window. */
  readonly of: (value: T, key: Key) => string | number | boolean | null;
  /** A window that has had no element for so long ends as it is. */
  readonly ttlMs: number | undefined;
}
