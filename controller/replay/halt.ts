/** The record that halted a task, run once more. */

import type { Feed } from "../../engine/feed.ts";
import { RealmBroken } from "../realm.ts";
import type { Divergence } from "./divergence.ts";
import type { Halted } from "./halted.ts";
import { type RanFeed, RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import type { ReplayResult } from "./replay.ts";

/** Runs the record that halted the task once more, with the time and state it had. */
export async function replayHalt(recording: Recording, { feed, failure, place }: Halted): Promise<ReplayResult> {
  const realm = new RecordedRealm(recording, { role: "halted" });
  const outcome = await outcomeOf(realm, feed);
  const replayed = outcome.failure;
  const recorded = `${failure.name}: ${failure.message}`;
  if (replayed === recorded) return { feeds: 1, records: 1, divergences: [] };
  const because = "the record failed with another error, or with none, on the same code and state";
  const divergence: Divergence = {
    ...place,
    field: "error",
    recorded,
    replayed,
    others: [],
    cause: "nondeterminism",
    because,
  };
  return { feeds: 1, records: 1, divergences: [divergence] };
}

/** What a record did: its failure as text, if it failed; nothing is left of one that broke its sandbox. */
export async function outcomeOf(
  realm: RecordedRealm,
  feed: Feed,
): Promise<{ readonly ran: RanFeed | undefined; readonly failure: string | undefined }> {
  try {
    const ran = await realm.runBehindLast(feed);
    const [failure] = ran.fed.failures;
    return { ran, failure: failure && `${failure.name}: ${failure.message}` };
  } catch (error) {
    if (!(error instanceof RealmBroken)) throw error;
    const name = error.code === "E_RECORD_TIMEOUT" ? "TimeoutError" : "SandboxError";
    return { ran: undefined, failure: `${name}: ${error.message}` };
  } finally {
    await realm.close();
  }
}
