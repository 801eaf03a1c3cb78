/** Tumbling windows: one after the other, without overlap. */

import { type Duration, durationMs, positiveMs } from "../time/duration.ts";
import { greatestCommonDivisor } from "../time/divisor.ts";
import type { AlignedWindows } from "./windows.ts";

/** Where windows begin. */
export interface Alignment {
  /** How long after full multiples since 1970-01-01 UTC. @default {0} */
  readonly offset?: Duration;
}

/**
 * Windows of `size`, one after the other: `[start, start + size)`.
 *
 * State: one entry per key and open window, and one per window. A window is open until the watermark has reached its end.
 */
export function tumbling(size: Duration, { offset = 0 }: Alignment = {}): AlignedWindows {
  const sizeMs = positiveMs(size, "window size");
  const offsetMs = durationMs(offset);
  return {
    kind: "aligned",
    detail: `tumbling ${size}`,
    grainMs: greatestCommonDivisor(sizeMs, offsetMs),
    sliceAt(timeMs) {
      const startMs = Math.floor((timeMs - offsetMs) / sizeMs) * sizeMs + offsetMs;
      return { startMs, endMs: startMs + sizeMs };
    },
    endsOf: (startMs) => [startMs + sizeMs],
    slicesOf: (endMs) => [endMs - sizeMs],
  };
}
