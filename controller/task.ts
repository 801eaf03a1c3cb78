/**
 * A task: one processor on a fixed set of partitions, from its last committed feed to its end.
 *
 * A task knows its journal, its sources and its sinks and nothing of other tasks, so it may live in any process.
 */

import { SourceError } from "../adapters/source.ts";
import { offsetAt } from "../engine/batch.ts";
import { toHex } from "../engine/digest.ts";
import { packBatch } from "../formats/packed_batch.ts";
import { failedFed, failureOf } from "./broken_record.ts";
import { Caution } from "./caution.ts";
import { SinkBehind } from "./commit_to.ts";
import { Committer, type PendingFeed } from "./committer.ts";
import { answerWith } from "./effects.ts";
import type { JournaledEffect, Progress } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import { FeedLoop, type FeedLoopEnd, type Halt } from "./feed_loop.ts";
import { isLost, Realm, RealmBroken } from "./realm.ts";
import { chainAfter, realmOptions } from "./realm_options.ts";
import { recover, verifySources } from "./recovery.ts";
import { type Gap, Sealer } from "./sealer.ts";
import { Snapshots } from "./snapshots.ts";
import { RunningTally, type Tally } from "./tally.ts";
import { ProcessorFailed } from "./task_errors.ts";
import type { TaskSetup } from "./task_setup.ts";
import type { RecordFailure } from "./feed_record.ts";

/** What a task did since its owner took it over, and where it stands. */
export interface TaskSummary extends Tally {
  /** The name of the task. */
  readonly task: string;
  /** `stream/partition` → position. */
  readonly positions: Readonly<Record<string, string>>;
  /** The digest chain, hexadecimal. */
  readonly digest: string;
}

/** Its inputs ended; its partitions were closed, and others go on with their keys; it was told to stop. */
export type TaskEnd = "ended" | "closed" | "stopped";

/** Runs a task until its inputs end or it is told to stop. */
export class Task {
  readonly #setup: TaskSetup;
  readonly #epoch: bigint;
  readonly #caution = new Caution();
  readonly #snapshots: Snapshots;
  readonly #tally = new RunningTally();
  #committer: Committer | undefined;
  /** Whether its sinks have been taken over and compared with the journal. */
  #hasLooked = false;
  #makingSure: Promise<void> | undefined;

  constructor(setup: TaskSetup) {
    this.#setup = setup;
    this.#snapshots = new Snapshots(setup.limits);
    this.#epoch = setup.taskJournal.openEpoch({
      openedMs: setup.clock.nowMs(),
      codeHash: setup.code.hash,
      environment: setup.environment,
      config: { onError: setup.onError },
    });
  }

  /**
   * @throws {ProcessorFailed} when the processor failed and the policy is `halt`; what came before is committed
   */
  async run(): Promise<TaskEnd> {
    let realm = await this.#recover();
    for (;;) {
      const end = await this.#runLoop(realm ?? await this.#openRealm());
      realm = undefined;
      switch (end.kind) {
        case "ended":
        case "closed":
        case "stopped":
          return end.kind;
        case "halted":
          throw this.#halt(end);
        case "broken":
          await this.#answerBreak(end.pending, end.error);
          await verifySources(this.#setup);
          break;
        case "behind":
          this.#snapshots.abandon();
          await this.#committer!.durable();
          realm = await this.#recover();
          this.#committer!.reload();
          break;
        default:
          return end satisfies never;
      }
    }
  }

  /**
   * For a task that is over: brings its sinks what they may have lost since. Those that lose nothing are left alone: of
   * others who go on for the task, one would shut out the next.
   */
  async makeSure(): Promise<void> {
    return await (this.#makingSure ??= this.#lookForLosses().finally(() => this.#makingSure = undefined));
  }

  async #lookForLosses(): Promise<void> {
    const { taskJournal } = this.#setup;
    const routes = this.#setup.routes.filter(({ sink }) => sink.mayHaveLost !== undefined);
    const mayHaveLost = () => routes.some(({ sink }) => sink.mayHaveLost?.(taskJournal.task.name).aborted);
    while (!this.#hasLooked || mayHaveLost()) {
      // Whoever fails has not looked, though the sink is his by then: others who go on for the task have to fail as well.
      this.#hasLooked = false;
      await this.#bringForward(routes);
    }
  }

  /** For a task that ran elsewhere: brings all its sinks what was left for them. */
  async settle(): Promise<void> {
    await this.#bringForward();
  }

  /** What has been done so far. */
  summary(): TaskSummary {
    const { task } = this.#setup.taskJournal;
    const progress = this.#setup.taskJournal.progress();
    const positions = task.partitions.map((partition) => {
      const { position } = progress.get(partitionKey(partition)) ?? { position: 0n };
      return [`${partition.stream}/${partition.partition}`, String(position)];
    });
    return {
      task: task.name,
      ...this.#tally.total,
      positions: Object.fromEntries(positions),
      digest: toHex(this.#setup.taskJournal.lastFeed()?.chain ?? new Uint8Array(16)),
    };
  }

  /** Takes the task over. Unless a feed has to be run again, its realm is made while the sinks are asked. */
  async #recover(): Promise<Realm | undefined> {
    const last = this.#setup.taskJournal.lastFeed();
    const opening = last && !last.receipts ? undefined : this.#openRealm();
    // It may fail while the sinks still answer.
    opening?.catch(() => {});
    try {
      await this.#bringForward();
    } catch (error) {
      await opening?.then((realm) => realm.abandon()).catch(() => {});
      throw error;
    }
    return await opening;
  }

  /** A sink may lose commits while it is given those that it lost before. */
  async #bringForward(routes = this.#setup.routes): Promise<void> {
    let hasBroken = false;
    for (;;) {
      try {
        const settled = await recover(this.#setup, this.#epoch, routes);
        for (const entry of settled) this.#tally.count(entry);
        this.#hasLooked = true;
        return;
      } catch (error) {
        if (error instanceof SinkBehind || isLost(error)) continue;
        // A recorded feed has not broken its sandbox before.
        if (!(error instanceof RealmBroken) || hasBroken) throw error;
        hasBroken = true;
      }
    }
  }

  async #openRealm(): Promise<Realm> {
    const { taskJournal, limits, code, run, onError, effects, sources } = this.#setup;
    const last = taskJournal.lastFeed();
    // Where keys may move to other tasks, what is kept has to say whose it is.
    const notesOwners = [...sources.values()].some(({ resharding }) => resharding !== undefined);
    const setup = {
      run: run.name,
      task: taskJournal.task.name,
      code: code.bundle,
      options: { ...realmOptions(run, last, { onError }, limits), notesOwners },
      chain: chainAfter(last),
      state: taskJournal.stateBefore((last?.seq ?? -1) + 1),
    };
    const ports = {
      answer: answerWith(effects),
      record: (seq: number, answered: readonly JournaledEffect[]) => taskJournal.recordEffects(seq, answered),
    };
    return await Realm.open(this.#setup.sandbox(), setup, limits, ports).catch((error) => {
      if (isLost(error)) return this.#openRealm();
      throw error;
    });
  }

  async #runLoop(realm: Realm): Promise<FeedLoopEnd | { readonly kind: "behind" }> {
    const { taskJournal, sources } = this.#setup;
    this.#committer ??= new Committer(this.#setup, {
      epoch: this.#epoch,
      outputNames: realm.info.outputs,
      snapshots: this.#snapshots,
      tally: this.#tally,
    });
    const acceptGap = (gap: Gap) => this.#acceptGap(gap);
    const sealer = new Sealer(taskJournal.task.partitions, sources, await this.#progress(), acceptGap);
    const parts = { realm, sealer, committer: this.#committer, snapshots: this.#snapshots, caution: this.#caution };
    try {
      return await new FeedLoop(this.#setup, parts).run();
    } catch (error) {
      if (error instanceof SinkBehind) return { kind: "behind" };
      throw error;
    } finally {
      await realm.abandon();
    }
  }

  /** Where each partition goes on; one that was never read begins where the journal says. */
  async #progress(): Promise<ReadonlyMap<string, Progress>> {
    const { taskJournal, sources } = this.#setup;
    const progress = new Map(taskJournal.progress());
    for (const partition of taskJournal.task.partitions) {
      const key = partitionKey(partition);
      if (progress.has(key)) continue;
      const known = taskJournal.task.starts.get(key);
      progress.set(key, known ?? { position: await sources.get(partition.input)!.start(partition) });
    }
    return progress;
  }

  /** Records that are gone stop the task, unless whoever runs it said that he knows (I9). */
  #acceptGap({ input, stream, partition, from, to, reason }: Gap): void {
    const { run, journal, taskJournal, clock, observer, acceptsGaps } = this.#setup;
    const text = (offset: bigint) => this.#offsetText({ input, offset }).offsetText ?? String(offset);
    const lost = `${stream}/${partition} from offset ${text(from)} to ${text(to)}`;
    if (!acceptsGaps) {
      throw new SourceError(
        `Cannot read ${stream}/${partition}: offset ${text(from)} is gone, the first left is ${text(to)}; ${reason}. ` +
          `Run again with --accept-gap to go on at ${
            text(to)
          } without the records before it, or with another --name from the start`,
        { code: "E_GAP", stream, partition, offset: from },
      );
    }
    const detail = { stream, partition, from, to, reason };
    journal.addEvent(run, { kind: "gap accepted", task: taskJournal.task.name, atMs: clock.nowMs(), detail });
    observer.onNotice?.(`Task ${taskJournal.task.name} goes on without ${lost}: ${reason}`);
  }

  /** A feed broke its sandbox: find the record by cutting feeds, then do with it what the policy says. */
  async #answerBreak(pending: PendingFeed, error: RealmBroken): Promise<void> {
    const { onError } = this.#setup;
    this.#snapshots.abandon();
    if (isLost(error)) return;
    const records = pending.sealed.ranges.reduce((sum, range) => sum + range.records, 0);
    const isUnstoppable = error.code === "E_SANDBOX_HUNG" && this.#setup.sandbox().isolation === "worker";
    const isProven = isUnstoppable || (records <= 1 && this.#caution.isActive);
    if (!isProven) {
      const next = records > 1 ? "looking for the record" : "trying once more";
      const feed = `Feed ${pending.seq} of task ${this.#setup.taskJournal.task.name}`;
      this.#setup.observer.onNotice?.(`${feed} broke its sandbox (${error.message}); ${next}`);
      return records > 1 ? this.#caution.suspect(records, error.record) : this.#caution.tryAgain();
    }
    const failure = failureOf(pending, error);
    if (onError === "halt" || records !== 1) {
      const { seq } = pending;
      throw this.#halt({ seq, askedIn: seq, timeMs: this.#timeOf(pending), failure });
    }
    await this.#giveUp(pending, failure);
    this.#caution.resolved();
  }

  #timeOf({ sealed }: PendingFeed): number {
    return sealed.ranges[0]?.timeMs ?? this.#setup.clock.nowMs();
  }

  /** Journals the record as one that did nothing but fail, without running it once more. */
  async #giveUp(pending: PendingFeed, failure: RecordFailure): Promise<void> {
    const last = this.#committer!.last;
    const eventTimeMs = pending.sealed.batches[0].eventTimesMs?.[0] ?? NaN;
    const timeMs = this.#setup.run.clock === "feed" ? this.#timeOf(pending) : eventTimeMs;
    const fed = failedFed(pending, failure, {
      chain: last?.chain ?? new Uint8Array(16),
      nowMs: Math.max(last?.nowMs ?? 0, Number.isFinite(timeMs) ? timeMs : 0),
      isStarted: last?.isStarted ?? false,
    });
    await this.#committer!.commit(pending, fed, { givenUp: `${failure.name}: ${failure.message}` });
    await this.#committer!.drain();
  }

  #halt({ seq, askedIn, timeMs, failure }: Halt): ProcessorFailed {
    const { run, journal, taskJournal, clock } = this.#setup;
    const task = taskJournal.task.name;
    const { batch, input, ...rest } = failure;
    const origin = batch && input !== undefined
      ? { input, stream: batch.stream, partition: batch.partition, offset: offsetAt(batch, 0) }
      : {};
    const effects = taskJournal.effects(askedIn).filter(({ record }) => record === failure.record);
    journal.addEvent(run, {
      kind: "halted",
      task,
      seq,
      atMs: clock.nowMs(),
      detail: { failure: rest, timeMs, ...origin, effects, ...(batch ? { record: packBatch(batch).toBase64() } : {}) },
    });
    const place = { run: run.name, task, processor: run.processor, seq, ...origin, ...this.#offsetText(origin) };
    return new ProcessorFailed(place, rest);
  }

  #offsetText(
    { input, offset }: { readonly input?: string; readonly offset?: bigint },
  ): { readonly offsetText?: string } {
    if (input === undefined || offset === undefined) return {};
    const offsetText = this.#setup.sources.get(input)?.positionText?.(offset);
    return offsetText === undefined ? {} : { offsetText };
  }
}
