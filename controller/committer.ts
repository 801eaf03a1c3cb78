/** Prepare, commit, settle: the last three steps of a feed, in order, for one owner of one task. */

import type { Receipt } from "../adapters/sink.ts";
import { type Batch, offsetAt } from "../engine/batch.ts";
import { payloadAt } from "../formats/record_payload.ts";
import type { DeadLetter, FeedEntry, PreparedFeed, Progress, Range } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import { commitTo } from "./commit_to.ts";
import { positionsOf, routeOutputs } from "./routing.ts";
import type { TaskState } from "./sandbox/protocol.ts";
import type { SealedFeed } from "./sealer.ts";
import { cutRanges } from "./sealer.ts";
import type { Snapshots } from "./snapshots.ts";
import type { TaskSetup } from "./task_setup.ts";
import type { DigestedFed } from "./realm.ts";
import type { RecordFailure } from "./feed_record.ts";

/** A feed between sealing and commit. */
export interface PendingFeed {
  readonly seq: number;
  readonly sealed: SealedFeed;
  readonly tickMs?: number;
  readonly isEnd: boolean;
  readonly isReborn: boolean;
  readonly captured: readonly Batch[] | undefined;
}

/** What a task has done since its owner took it over. */
export interface Tally {
  /** Feeds committed. */
  feeds: number;
  /** Records processed. */
  records: number;
  /** Outputs committed. */
  outputs: number;
  /** Records put aside. */
  deadLetters: number;
}

/** See the module. */
export class Committer {
  readonly tally: Tally = { feeds: 0, records: 0, outputs: 0, deadLetters: 0 };
  readonly #setup: TaskSetup;
  readonly #epoch: bigint;
  readonly #outputNames: readonly string[];
  readonly #snapshots: Snapshots;
  readonly #progress: Map<string, Progress>;
  #last: FeedEntry | undefined;
  #receipts: Readonly<Record<string, Receipt>>;

  constructor(setup: TaskSetup, epoch: bigint, outputNames: readonly string[], snapshots: Snapshots) {
    this.#setup = setup;
    this.#epoch = epoch;
    this.#outputNames = outputNames;
    this.#snapshots = snapshots;
    this.#progress = new Map(setup.taskJournal.progress());
    this.#last = setup.taskJournal.lastFeed();
    this.#receipts = this.#last?.receipts ?? {};
  }

  /** The last feed that was committed. */
  get last(): FeedEntry | undefined {
    return this.#last;
  }

  get progress(): ReadonlyMap<string, Progress> {
    return this.#progress;
  }

  /** Journals what a feed did, hands it to the sinks, and notes that they have it. */
  async commit(pending: PendingFeed, fed: DigestedFed, copied: TaskState | undefined, givenUp?: string): Promise<void> {
    const { taskJournal, observer, onError } = this.#setup;
    const { seq } = pending;
    const name = taskJournal.task.name;
    const ranges = fed.isHalted ? cutRanges(pending.sealed, fed.records) : pending.sealed.ranges;
    this.#advance(ranges, pending, fed);
    this.#snapshots.noteChanges({ state: fed.changes, timers: fed.timerChanges });
    const deadLetters = onError === "dead-letter" ? fed.failures.flatMap(letterOf) : [];
    const entry = { ...this.#entry(pending, fed, ranges, givenUp), letters: deadLetters.length };
    const prepared: PreparedFeed = {
      ...entry,
      unitDigests: fed.unitDigests,
      changes: { state: fed.changes, timers: fed.timerChanges },
      deadLetters,
      captured: pending.captured,
      snapshotPart: copied && this.#snapshots.part(copied),
    };
    taskJournal.prepare(prepared, this.#progress);
    observer.onStep?.("prepared", name, seq);
    this.#count(prepared);
    await this.#writeAndSettle(prepared, fed);
    this.#last = entry;
    this.#setup.observer.onCommit?.(name, {
      records: fed.records,
      outputs: fed.outputs.count,
      progress: this.#progress,
    });
    for (const range of ranges) this.#setup.sources.get(range.input)?.release?.(range, range.to);
  }

  /** Goes on from what the journal says: after a recovery, the sinks have all of it. */
  reload(): void {
    const { taskJournal } = this.#setup;
    for (const [key, progress] of taskJournal.progress()) this.#progress.set(key, progress);
    this.#last = taskJournal.lastFeed();
    this.#receipts = this.#last?.receipts ?? {};
  }

  async #writeAndSettle({ seq, chain }: PreparedFeed, { outputs }: DigestedFed): Promise<void> {
    const { taskJournal, routes, observer, sources } = this.#setup;
    const task = taskJournal.task.name;
    const parts = routeOutputs(outputs, this.#outputNames, routes);
    const positions = positionsOf(taskJournal.task.partitions, sources, this.#progress);
    const receipts: Record<string, Receipt> = {};
    for (const [i, { name, sink }] of routes.entries()) {
      const commit = {
        task,
        seq,
        epoch: this.#epoch,
        outputs: parts[i],
        outputNames: this.#outputNames,
        positions,
        digest: chain,
      };
      const settled = this.#last && { seq: seq - 1, epoch: this.#last.epoch, receipt: this.#receipts[name] ?? {} };
      receipts[name] = await commitTo(sink, commit, settled, this.#setup);
    }
    this.#receipts = receipts;
    observer.onStep?.("committed", task, seq);
    taskJournal.settle(seq, receipts);
    observer.onStep?.("settled", task, seq);
  }

  #advance(ranges: readonly Range[], { sealed }: PendingFeed, fed: DigestedFed): void {
    for (const range of ranges) {
      const key = partitionKey(range);
      const progress = sealed.progress.get(key)!;
      // The anchor is one of the position where the sealed range ended.
      this.#progress.set(key, fed.isHalted && progress.position !== range.to ? { position: range.to } : progress);
    }
  }

  #entry(
    pending: PendingFeed,
    fed: DigestedFed,
    ranges: readonly Range[],
    givenUp: string | undefined,
  ): Omit<FeedEntry, "letters"> {
    return {
      seq: pending.seq,
      epoch: this.#epoch,
      ranges,
      ...(pending.tickMs === undefined ? {} : { tickMs: pending.tickMs }),
      isEnd: pending.isEnd && !fed.isHalted,
      isReborn: pending.isReborn,
      records: fed.records,
      outputs: fed.outputs.count,
      failures: fed.isHalted ? 0 : fed.failures.length,
      nowMs: fed.nowMs,
      isStarted: fed.isStarted,
      chain: fed.chain,
      inputDigest: fed.inputDigest,
      ...(givenUp === undefined ? {} : { givenUp }),
    };
  }

  #count({ records, outputs, letters }: PreparedFeed): void {
    this.tally.feeds++;
    this.tally.records += records;
    this.tally.outputs += outputs;
    this.tally.deadLetters += letters;
  }
}

function letterOf({ batch, input, ...failure }: RecordFailure): DeadLetter[] {
  if (!batch || input === undefined) return [];
  const { stream, partition } = batch;
  return [{ range: { input, stream, partition, offset: offsetAt(batch, 0) }, ...payloadAt(batch, 0), failure }];
}
