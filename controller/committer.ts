/**
 * Prepare, commit, settle: the last three steps of a feed, in order, for one owner of one task.
 *
 * Where all sinks allow it, a feed is prepared while the ones before it are on their way; they settle in order.
 */

import type { Checkpoint, Receipt } from "../adapters/sink.ts";
import type { Batch } from "../engine/batch.ts";
import { type FeedEntry, type PreparedFeed, type Progress, progressBehind, type Range } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import { commitAhead, commitTo } from "./commit_to.ts";
import { releaseFeed } from "./release.ts";
import { commitsInFlightMax, positionsOf, routeOutputs, runIdentity } from "./routing.ts";
import type { SealedFeed } from "./sealer.ts";
import { cutRanges } from "./sealer.ts";
import type { CopiedPart, Snapshots } from "./snapshots.ts";
import type { RunningTally } from "./tally.ts";
import type { TaskSetup } from "./task_setup.ts";
import type { DigestedFed } from "./realm.ts";
import { deadLetterOf } from "./feed_record.ts";

/** A feed between sealing and commit. */
export interface PendingFeed {
  readonly seq: number;
  readonly sealed: SealedFeed;
  readonly tickMs?: number;
  readonly isEnd: boolean;
  readonly isReborn: boolean;
  readonly captured: readonly Batch[] | undefined;
}

/** A feed that was processed, and what of it is journaled. */
interface Journaled {
  readonly prepared: PreparedFeed;
  readonly pending: PendingFeed;
  readonly fed: DigestedFed;
  /** Where the task stands after it. */
  readonly progress: ReadonlyMap<string, Progress>;
}

/** What {@linkcode Committer.commit} may be told besides. */
export interface CommitOptions {
  /** A part of the state, when a snapshot is being taken. */
  readonly copied?: CopiedPart | undefined;
  /** Why its record was given up without being processed. */
  readonly givenUp?: string;
}

/** What a {@linkcode Committer} shares with its task. */
export interface CommitterParts {
  readonly epoch: bigint;
  readonly outputNames: readonly string[];
  readonly snapshots: Snapshots;
  /** Counts what is settled. */
  readonly tally: RunningTally;
}

/** A feed on its way to the sinks. */
interface Writing extends Journaled {
  readonly durable: Promise<unknown>;
  readonly receipts: Promise<Record<string, Receipt>>;
}

/** See the module. */
export class Committer {
  readonly #setup: TaskSetup;
  readonly #epoch: bigint;
  readonly #outputNames: readonly string[];
  readonly #snapshots: Snapshots;
  readonly #tally: RunningTally;
  readonly #progress: Map<string, Progress>;
  #last: FeedEntry | undefined;
  #receipts: Readonly<Record<string, Receipt>>;
  readonly #inFlightMax: number;
  /** The last feed that all sinks have. */
  #settled: Pick<Checkpoint, "seq" | "epoch"> | undefined;
  /** What was prepared and is on its way, the oldest first. */
  #writing: Writing[] = [];

  constructor(setup: TaskSetup, { epoch, outputNames, snapshots, tally }: CommitterParts) {
    this.#setup = setup;
    this.#epoch = epoch;
    this.#outputNames = outputNames;
    this.#snapshots = snapshots;
    this.#tally = tally;
    this.#progress = new Map(setup.taskJournal.progress());
    this.#last = this.#settled = setup.taskJournal.lastFeed();
    this.#receipts = this.#last?.receipts ?? {};
    this.#inFlightMax = commitsInFlightMax(setup.routes);
  }

  /** The last feed that was committed. */
  get last(): FeedEntry | undefined {
    return this.#last;
  }

  get progress(): ReadonlyMap<string, Progress> {
    return this.#progress;
  }

  /** Journals what a feed did, hands it to the sinks, and notes that they have it. */
  async commit(pending: PendingFeed, fed: DigestedFed, { copied, givenUp }: CommitOptions = {}): Promise<void> {
    const { onError, sources } = this.#setup;
    const ranges = fed.isHalted ? cutRanges(pending.sealed, fed.records, sources) : pending.sealed.ranges;
    for (const range of ranges) this.#progress.set(partitionKey(range), progressBehind(range));
    this.#snapshots.noteChanges({ state: fed.changes, timers: fed.timerChanges });
    const deadLetters = onError === "dead-letter" ? fed.failures.flatMap(deadLetterOf) : [];
    const entry = { ...this.#entry(pending, fed, ranges, givenUp), letters: deadLetters.length };
    const prepared: PreparedFeed = {
      ...entry,
      unitDigests: fed.unitDigests,
      changes: { state: fed.changes, timers: fed.timerChanges },
      deadLetters,
      captured: pending.captured,
      snapshotPart: copied && this.#snapshots.part(copied),
    };
    this.#last = entry;
    const work = { prepared, pending, fed, progress: new Map(this.#progress) };
    const journaled = this.#setup.taskJournal.prepare(prepared, this.#progress);
    const durable = Promise.all([journaled, this.#setup.stored?.append(prepared, work.progress)]);
    const receipts = this.#handOn(work, durable);
    // Those behind one that fails fail as well; the first is the one to tell of.
    receipts.catch(() => {});
    this.#writing.push({ ...work, durable, receipts });
    while (this.#writing.length >= this.#inFlightMax) await this.#settleOldest();
  }

  /** Resolves when every feed that was prepared is settled. */
  async drain(): Promise<void> {
    while (this.#writing.length > 0) await this.#settleOldest();
  }

  /**
   * Resolves when every feed that was prepared is durable. A recovery would send those that are not yet: after a power
   * failure, or in another process, they would be other ones.
   */
  async durable(): Promise<void> {
    await Promise.all(this.#writing.map(({ durable }) => durable));
  }

  /** Goes on from what the journal says: after a recovery, the sinks have all of it. */
  reload(): void {
    const { taskJournal } = this.#setup;
    for (const [key, progress] of taskJournal.progress()) this.#progress.set(key, progress);
    this.#last = this.#settled = taskJournal.lastFeed();
    this.#receipts = this.#last?.receipts ?? {};
    this.#writing = [];
  }

  /** Nothing of a feed is seen outside before it is durable (I1). */
  async #handOn({ prepared, fed, progress }: Journaled, durable: Promise<unknown>): Promise<Record<string, Receipt>> {
    await durable;
    const { taskJournal, routes, sources, observer } = this.#setup;
    const { seq, chain } = prepared;
    const task = taskJournal.task.name;
    observer.onStep?.("prepared", task, seq);
    const parts = routeOutputs(fed.outputs, this.#outputNames, routes);
    const positions = positionsOf(taskJournal.task.partitions, sources, progress);
    const receipts: Record<string, Receipt> = {};
    for (const [i, { name, sink }] of routes.entries()) {
      const rest = { epoch: this.#epoch, outputNames: this.#outputNames, positions, digest: chain };
      const commit = { run: runIdentity(this.#setup.run), task, seq, outputs: parts[i], ...rest };
      const settled = this.#settled && { ...this.#settled, receipt: this.#receipts[name] ?? {} };
      // What a sink has lost may be that of a predecessor: all has to be looked at, before anything is written again.
      receipts[name] = this.#inFlightMax > 1 || sink.mayHaveLost
        ? await commitAhead(sink, commit, this.#setup)
        : await commitTo(sink, commit, settled, this.#setup);
    }
    return receipts;
  }

  async #settleOldest(): Promise<void> {
    const { prepared, pending, fed, progress, receipts: writing } = this.#writing.shift()!;
    const { taskJournal, observer, sources } = this.#setup;
    const { seq, ranges } = prepared;
    const task = taskJournal.task.name;
    this.#receipts = await writing;
    this.#settled = { seq, epoch: prepared.epoch };
    observer.onStep?.("committed", task, seq);
    taskJournal.settle(seq, this.#receipts);
    this.#tally.count(prepared);
    observer.onStep?.("settled", task, seq);
    observer.onCommit?.(task, { records: fed.records, outputs: prepared.outputs, progress });
    for (const range of ranges) sources.get(range.input)?.release?.(range, range.to);
    if (!fed.isHalted) releaseFeed(pending.sealed.batches, fed);
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
      // A timer that halts it leaves those behind it, and the time itself, to the next tick or end.
      ...(pending.tickMs === undefined || fed.isHalted ? {} : { tickMs: pending.tickMs }),
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
}
