/** Session windows: a pause ends them. */

import { type Duration, positiveMs } from "../time/duration.ts";
import type { SessionWindows } from "./windows.ts";

/**
 * Windows of activity: a session of a key ends when more than `gap` passes without an element of it. An element between
 * two sessions makes them one.
 *
 * State: one entry per key with open sessions.
 */
export function session(gap: Duration): SessionWindows {
  return { kind: "session", detail: `session ${gap}`, gapMs: positiveMs(gap, "session gap") };
}
