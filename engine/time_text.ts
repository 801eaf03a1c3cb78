/** Times for people: in messages, and in what commands print. */

import { TIME_MS_MAX } from "./batch.ts";

/** ISO 8601 in UTC; the milliseconds where there is no such date, as when nanoseconds were taken for them. */
export function timeText(timeMs: number): string {
  return Math.abs(timeMs) <= TIME_MS_MAX ? new Date(timeMs).toISOString() : `${timeMs} ms`;
}
