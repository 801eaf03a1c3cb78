/** The record that halted a task: it was never part of a feed, so its event carries what it takes to run it again. */

import { offsetAt } from "../../engine/batch.ts";
import type { Failure } from "../../engine/failure.ts";
import type { Feed } from "../../engine/feed.ts";
import type { Origin } from "../../engine/record.ts";
import { unpackBatch } from "../../formats/packed_batch.ts";
import { RealmBroken } from "../realm.ts";
import type { Divergence, Place } from "./divergence.ts";
import type { RanFeed } from "./recorded_realm.ts";
import { RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import type { ReplayResult } from "./replay.ts";

/** A record that halted its task and was not resolved since. */
export interface Halted {
  /** The record alone, as the feed behind the last one. */
  readonly feed: Feed;
  readonly failure: Pick<Failure, "name" | "message" | "stack"> & { readonly code?: string };
  readonly place: Place & { readonly record: Origin };
}

/** What a `halted` event says. */
interface HaltDetail {
  readonly failure: Halted["failure"];
  readonly timeMs: number;
  readonly input?: string;
  /** The record, packed, base64. */
  readonly record?: string;
}

/** What the task is halted by; undefined when it is not, or by a timer or hook. */
export function haltOf({ journal, run, taskJournal }: Recording): Halted | undefined {
  const task = taskJournal.task.name;
  const event = journal.events(run).findLast((event) => event.kind === "halted" && event.task === task);
  if (event === undefined || event.seq! <= (taskJournal.lastFeed()?.seq ?? -1)) return undefined;
  const { failure, timeMs, input, record } = event.detail as unknown as HaltDetail;
  if (record === undefined || input === undefined) return undefined;
  const batch = unpackBatch(Uint8Array.fromBase64(record));
  const { stream, partition } = batch;
  const seq = event.seq!;
  const segments = [{ batch: 0, fromRow: 0, toRow: 1, timeMs, input }];
  return {
    feed: { seq, batches: [batch], segments },
    failure,
    place: { task, feed: seq, record: { stream, partition, offset: offsetAt(batch, 0) }, input },
  };
}

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
