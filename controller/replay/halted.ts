/** The record that halted a task: it was never part of a feed, so its event carries what it takes to run it again. */

import { offsetAt } from "../../engine/batch.ts";
import type { Failure } from "../../engine/failure.ts";
import type { Feed } from "../../engine/feed.ts";
import type { Origin } from "../../engine/record.ts";
import { unpackBatch } from "../../formats/packed_batch.ts";
import type { JournaledEffect } from "../journal/journal.ts";
import type { Place } from "./divergence.ts";
import type { Recording } from "./recording.ts";

/** A record that halted its task and was not resolved since. */
export interface Halted {
  /** The record alone, as the feed behind the last one. */
  readonly feed: Feed;
  readonly failure: Pick<Failure, "name" | "message" | "stack"> & { readonly code?: string };
  readonly place: Place & { readonly record: Origin };
  /** What it asked for, in order, as if it had been alone in its feed. */
  readonly effects: readonly JournaledEffect[];
}

/** What a `halted` event says. */
interface HaltDetail {
  readonly failure: Halted["failure"];
  readonly timeMs: number;
  readonly input?: string;
  /** Absent in journals of before 0.2. */
  readonly effects?: readonly JournaledEffect[];
  /** The record, packed, base64. */
  readonly record?: string;
}

/** The part of a {@linkcode Recording} that tells. */
export type HaltedTask = Pick<Recording, "journal" | "run" | "taskJournal">;

/** What the task is halted by; undefined when it is not, or by a timer or hook. */
export function haltOf({ journal, run, taskJournal }: HaltedTask): Halted | undefined {
  const task = taskJournal.task.name;
  const event = journal.events(run).findLast((event) => event.kind === "halted" && event.task === task);
  if (event === undefined || event.seq! <= (taskJournal.lastFeed()?.seq ?? -1)) return undefined;
  const { failure, timeMs, input, record, effects = [] } = event.detail as unknown as HaltDetail;
  if (record === undefined || input === undefined) return undefined;
  const batch = unpackBatch(Uint8Array.fromBase64(record));
  const { stream, partition } = batch;
  const seq = event.seq!;
  const segments = [{ batch: 0, fromRow: 0, toRow: 1, timeMs, input }];
  return {
    feed: { seq, batches: [batch], segments },
    failure,
    effects: effects.map((effect, id) => ({ ...effect, id, record: 0 })),
    place: { task, feed: seq, record: { stream, partition, offset: offsetAt(batch, 0) }, input },
  };
}

/** The effects of feed `seq`, or of the record that halted the task as the feed behind the last. */
export function recordedEffects(recording: Recording, seq: number): readonly JournaledEffect[] {
  const last = recording.taskJournal.lastFeed()?.seq ?? -1;
  return seq > last ? haltOf(recording)?.effects ?? [] : recording.taskJournal.effects(seq);
}
