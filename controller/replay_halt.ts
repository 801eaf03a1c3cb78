/** Replay of a record that halted its task: it was never part of a feed, so its event carries what is needed. */

import { offsetAt } from "../engine/batch.ts";
import type { Feed } from "../engine/feed.ts";
import { unpackBatch } from "../formats/packed_batch.ts";
import { answerFrom } from "./effects.ts";
import type { Journal, JournaledCode, JournalEvent, Run, TaskJournal } from "./journal/journal.ts";
import type { Limits } from "./limits.ts";
import { Realm, RealmBroken } from "./realm.ts";
import { chainAfter, realmOptions } from "./realm_options.ts";
import type { Divergence, ReplayResult } from "./replay.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";

/** What a `halted` event says. */
interface Halt {
  readonly failure: { readonly name: string; readonly message: string; readonly code?: string };
  readonly timeMs: number;
  readonly input?: string;
  /** The record, packed, base64. */
  readonly record?: string;
}

/** What to replay. */
export interface HaltReplayOptions {
  readonly journal: Journal;
  readonly run: Run;
  readonly taskJournal: TaskJournal;
  readonly sandbox: () => Sandbox;
  readonly limits: Limits;
  readonly withCode?: JournaledCode;
}

/** Runs the record that halted the task once more, with the time and state it had. */
export async function replayHalt(options: HaltReplayOptions, event: JournalEvent): Promise<ReplayResult> {
  const halt = event.detail as unknown as Halt;
  const seq = event.seq!;
  if (halt.record === undefined) return { feeds: 0, records: 0, divergences: [] };
  const batch = unpackBatch(Uint8Array.fromBase64(halt.record));
  const segment = { batch: 0, fromRow: 0, toRow: 1, timeMs: halt.timeMs, input: halt.input! };
  const outcome = await runOnce(options, { seq, batches: [batch], segments: [segment] });
  const recorded = `${halt.failure.name}: ${halt.failure.message}`;
  if (outcome === recorded) return { feeds: 1, records: 1, divergences: [] };
  const { stream, partition } = batch;
  const divergence: Divergence = {
    task: options.taskJournal.task.name,
    feed: seq,
    record: { stream, partition, offset: offsetAt(batch, 0) },
    field: "error",
    recorded,
    replayed: outcome,
    cause: options.withCode ? "code" : "nondeterminism",
  };
  return { feeds: 1, records: 1, divergences: [divergence] };
}

/** The error of the record, as text; undefined when there was none. */
async function runOnce({ journal, run, taskJournal, sandbox, limits, withCode }: HaltReplayOptions, feed: Feed) {
  const [before] = taskJournal.feeds(feed.seq - 1, feed.seq);
  const epoch = taskJournal.epochs().findLast(({ epoch }) => epoch >= (before?.epoch ?? 0n))!;
  try {
    const realm = await Realm.open(
      sandbox(),
      {
        task: `${taskJournal.task.name} (replay)`,
        code: (withCode ?? journal.code(epoch.codeHash)).bundle,
        options: realmOptions(run, before, { onError: "halt" }, limits),
        chain: chainAfter(before),
        state: taskJournal.stateBefore(feed.seq),
      },
      limits,
      { answer: answerFrom((seq) => taskJournal.effects(seq)), record: () => {} },
    );
    const { failures } = await realm.process(feed);
    await realm.close();
    return failures.length === 0 ? undefined : `${failures[0].name}: ${failures[0].message}`;
  } catch (error) {
    if (!(error instanceof RealmBroken)) throw error;
    return `${error.code === "E_RECORD_TIMEOUT" ? "TimeoutError" : "SandboxError"}: ${error.message}`;
  }
}
