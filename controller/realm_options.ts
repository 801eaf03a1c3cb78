/** What a realm is opened with, from the run and the feed before. */

import type { ErrorPolicy } from "../engine/failure.ts";
import type { FeedEntry, Run } from "./journal/journal.ts";
import type { Limits } from "./limits.ts";
import type { RealmOptions } from "./sandbox/protocol.ts";

/** The options of a realm whose last feed was `before`. */
export function realmOptions(
  { seed, clock, createdMs }: Run,
  before: FeedEntry | undefined,
  config: Readonly<Record<string, string>>,
  { recordTimeMsMax }: Limits,
): RealmOptions {
  return {
    seed,
    clock,
    onError: config.onError as ErrorPolicy,
    nowMs: before?.nowMs ?? 0,
    isStarted: before?.isStarted ?? false,
    // Under `event` nothing may depend on the hour at which the run was started.
    initialTimeMs: clock === "event" ? 0 : createdMs,
    recordTimeMsMax,
  };
}

/** The digest chain after the feed `before`, or the beginning of one. */
export function chainAfter(before: FeedEntry | undefined): Uint8Array {
  return before?.chain ?? new Uint8Array(16);
}
