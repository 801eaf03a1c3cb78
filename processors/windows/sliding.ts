/** Sliding windows: a window for every moment at which something happens. */

import { type Duration, positiveMs } from "../time/duration.ts";
import type { SlidingWindows } from "./windows.ts";

/**
 * For every time at which a key has an element: what it had in the `size` up to and including that time, like
 * `RANGE BETWEEN size PRECEDING AND CURRENT ROW` in SQL. Elements of equal time share one result.
 *
 * A result is made when the watermark has passed its time. State: the elements of each key within `size` and lateness.
 * Each result adds all of them up: meant for tens or hundreds of elements, not for thousands.
 */
export function sliding(size: Duration): SlidingWindows {
  return { kind: "sliding", detail: `sliding ${size}`, sizeMs: positiveMs(size, "window size") };
}
