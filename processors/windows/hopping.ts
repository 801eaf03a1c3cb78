/** Hopping windows: of one size, beginning at a shorter distance, so that they overlap. */

import { type Duration, durationMs, positiveMs } from "../time/duration.ts";
import { greatestCommonDivisor } from "../time/divisor.ts";
import type { Alignment } from "./tumbling.ts";
import type { AlignedWindows } from "./windows.ts";

/**
 * Windows of `size`, one every `slide`.
 *
 * An element is added once, to its slice; a window merges its slices when it closes (Krishnamurthy, Wu, Franklin, "On-the-
 * fly sharing for streamed aggregation", 2006). State: one entry per key and slice of the open windows.
 *
 * @throws {TypeError} when the slide is longer than the size: elements in between would be in no window
 */
export function hopping(size: Duration, slide: Duration, { offset = 0 }: Alignment = {}): AlignedWindows {
  const sizeMs = positiveMs(size, "window size");
  const slideMs = positiveMs(slide, "window slide");
  const offsetMs = durationMs(offset);
  if (slideMs > sizeMs) throw new TypeError(`Cannot slide by ${slide}: windows of ${size} would leave gaps`);
  const sliceMs = greatestCommonDivisor(sizeMs, slideMs);
  const slices = sizeMs / sliceMs;
  return {
    kind: "aligned",
    detail: `hopping ${size} by ${slide}`,
    grainMs: greatestCommonDivisor(sliceMs, offsetMs),
    sliceAt(timeMs) {
      const startMs = Math.floor((timeMs - offsetMs) / sliceMs) * sliceMs + offsetMs;
      return { startMs, endMs: startMs + sliceMs };
    },
    endsOf(startMs) {
      const ends: number[] = [];
      // The first window that begins late enough to reach beyond the slice's start.
      const firstMs = Math.floor((startMs - offsetMs - sizeMs) / slideMs + 1) * slideMs + offsetMs;
      for (let beginMs = firstMs; beginMs <= startMs; beginMs += slideMs) ends.push(beginMs + sizeMs);
      return ends;
    },
    slicesOf: (endMs) => Array.from({ length: slices }, (_, i) => endMs - sizeMs + i * sliceMs),
  };
}
