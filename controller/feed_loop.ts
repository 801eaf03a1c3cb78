/**
 * The loop of a task: seals feeds, has them processed, commits them, until inputs end, the owner stops it, or
 * something breaks. Sealing feed n+2, processing n+1 and committing n overlap; their order never changes.
 */

import type { Caution } from "./caution.ts";
import { SinkBehind } from "./commit_to.ts";
import type { Committer, PendingFeed } from "./committer.ts";
import { type DigestedFed, type Realm, RealmBroken } from "./realm.ts";
import { SANDBOX_LOST } from "./sandbox/protocol.ts";
import type { Limits } from "./limits.ts";
import { type ReadLimit, SourceError } from "../adapters/source.ts";
import { Linger } from "./linger.ts";
import { pause } from "./pause.ts";
import { FULL, permitsFor } from "./permits.ts";
import type { SealedFeed, Sealer, SealResult } from "./sealer.ts";
import { isSmall } from "./small_feed.ts";
import type { CopiedPart, Snapshots, WantedPart } from "./snapshots.ts";
import type { TaskSetup } from "./task_setup.ts";
import type { RecordFailure } from "./feed_record.ts";

/** What halted a task. */
export interface Halt {
  /** The feed that the record will be the first of. */
  readonly seq: number;
  /** The feed it was tried in: what it asked for is journaled there. */
  readonly askedIn: number;
  readonly timeMs: number;
  readonly failure: RecordFailure;
}

/** How a loop ended. */
export type FeedLoopEnd =
  | { readonly kind: "ended" | "closed" | "stopped" }
  | ({ readonly kind: "halted" } & Halt)
  | { readonly kind: "broken"; readonly pending: PendingFeed; readonly error: RealmBroken };

/** What a loop works with. */
export interface FeedLoopParts {
  readonly realm: Realm;
  readonly sealer: Sealer;
  readonly committer: Committer;
  readonly snapshots: Snapshots;
  readonly caution: Caution;
}

interface InFlight {
  readonly pending: PendingFeed;
  readonly fed: Promise<DigestedFed>;
  /** What it has to give back; ticks and ends hold no records, and have none. */
  readonly permits: number;
  /** Whether `fed` has settled. */
  isProcessed: boolean;
  readonly copied: Promise<CopiedPart> | undefined;
}

const NOTHING: Omit<SealedFeed, "progress"> = { batches: [], segments: [], ranges: [] };

/** See the module. */
export class FeedLoop {
  readonly #setup: TaskSetup;
  readonly #parts: FeedLoopParts;
  readonly #inFlight: InFlight[] = [];
  readonly #linger: Linger;
  /** How many of the run's permits its feeds hold. */
  #permits = 0;
  #nextSeq: number;
  #lastMs: number;
  #nextTimerMs: number | undefined;
  #isEnded: boolean;
  /** The next feed is the first of a fresh realm. */
  #isReborn = true;
  #wantsRebirth = false;

  constructor(setup: TaskSetup, parts: FeedLoopParts) {
    this.#setup = setup;
    this.#parts = parts;
    this.#linger = new Linger(setup.limits.lingerMs, setup.limits.feedRecordsMax);
    const { last } = parts.committer;
    this.#nextSeq = (last?.seq ?? -1) + 1;
    this.#lastMs = last?.nowMs ?? 0;
    this.#isEnded = last?.isEnd ?? false;
    // What a restored realm has set is not known here; a tick that is due at once finds out.
    this.#nextTimerMs = last === undefined ? undefined : -Infinity;
  }

  /** Runs until there is a reason to end. What is under way is finished first, unless it broke. */
  async run(): Promise<FeedLoopEnd> {
    try {
      for (;;) {
        const end = await this.#turn();
        if (!end) continue;
        await this.#parts.committer.drain();
        // Who goes on after a halt need not run again what the sinks have.
        this.#setup.taskJournal.flush();
        return end;
      }
    } finally {
      this.#setup.permits.give(this.#permits);
    }
  }

  async #turn(): Promise<FeedLoopEnd | undefined> {
    const { caution } = this.#parts;
    if (this.#setup.stop.aborted) return await this.#drain() ?? { kind: "stopped" };
    const inFlightMax = caution.isActive ? 1 : this.#setup.limits.feedsInFlightMax;
    if (this.#inFlight.length >= inFlightMax) return await this.#commitOldest();
    const { leftMs } = this.#linger;
    if (leftMs > 0) return await this.#wait(leftMs);
    const { permits, stop } = this.#setup;
    if (!permits.tryTake()) {
      if (this.#inFlight.length > 0) return await this.#commitOldest();
      if (!await permits.take(stop)) return undefined;
    }
    this.#permits += FULL;
    return await this.#sealNext(this.#now());
  }

  async #sealNext(timeMs: number): Promise<FeedLoopEnd | undefined> {
    let sealed: SealResult;
    try {
      sealed = await this.#parts.sealer.next(this.#readLimit(), timeMs);
    } catch (error) {
      // What was read before is sound, and may not be there to be read again: it is finished first.
      const end = await this.#drain();
      if (end) return end;
      // Who is to end does not wait for what is out of reach.
      if (this.#setup.leave.aborted && isUnreachable(error)) return { kind: "stopped" };
      throw error;
    }
    const permits = sealed.kind === "feed" ? permitsFor(sealed.feed) : 0;
    this.#givePermits(FULL - permits);
    switch (sealed.kind) {
      case "feed":
        this.#isEnded = false;
        this.#linger.sealed(sealed.feed);
        this.#dispatch(sealed.feed, { timeMs, permits });
        return undefined;
      case "ended":
        return await this.#end(timeMs);
      case "closed":
        // Its keys go on elsewhere: it is not the end for them.
        return await this.#drain() ?? { kind: "closed" };
      case "idle":
        return await this.#idle(timeMs);
      default:
        return sealed satisfies never;
    }
  }

  #givePermits(count: number): void {
    this.#permits -= count;
    this.#setup.permits.give(count);
  }

  /** Waits for more records to share the next feed; there may be something to commit meanwhile. */
  async #wait(timeMs: number): Promise<FeedLoopEnd | undefined> {
    if (this.#inFlight.length > 0) return await this.#commitOldest();
    await pause(timeMs, this.#setup.stop);
    return undefined;
  }

  #readLimit(): ReadLimit {
    const { limits: { feedRecordsMax, feedBytesMax }, leave } = this.#setup;
    return { recordsMax: this.#parts.caution.recordsMax ?? feedRecordsMax, bytesMax: feedBytesMax, leave };
  }

  /** Time never moves back, also across restarts and machines. */
  #now(): number {
    this.#lastMs = Math.max(this.#lastMs, this.#setup.clock.nowMs());
    return this.#lastMs;
  }

  #dispatch(sealed: SealedFeed, { timeMs, permits = 0, isTick = false, isEnd = false }: DispatchOptions): void {
    const { realm, snapshots } = this.#parts;
    const { observer, limits, taskJournal } = this.#setup;
    if (this.#wantsRebirth) this.#rebear();
    const seq = this.#nextSeq++;
    const captures = this.#captures();
    const tick = isTick ? { tickMs: timeMs } : {};
    const captured = captures && sealed.batches.length > 0 ? sealed.batches : undefined;
    const pending = { seq, sealed, ...tick, isEnd, isReborn: this.#isReborn, captured };
    this.#isReborn = false;
    observer.onStep?.("sealed", taskJournal.task.name, seq);
    const { batches, segments } = sealed;
    const fed = realm.process({ seq, batches, segments, ...tick, end: isEnd });
    const part = snapshots.wantedPart(seq);
    const copied = part && copyOf(realm, part, limits);
    const feed: InFlight = { pending, fed, permits, isProcessed: false, copied };
    // They are awaited in order; an earlier one that fails must not leave these unhandled.
    fed.catch(() => {}).then(() => feed.isProcessed = true);
    copied?.catch(() => {});
    this.#inFlight.push(feed);
  }

  #captures(): boolean {
    const { capture, sources } = this.#setup;
    return capture === "all" || (capture === "auto" && [...sources.values()].some(({ isRereadable }) => !isRereadable));
  }

  #rebear(): void {
    this.#wantsRebirth = false;
    this.#isReborn = true;
    this.#parts.realm.rebirth().catch(() => {});
  }

  async #commitOldest(): Promise<FeedLoopEnd | undefined> {
    const { pending, fed: processing, permits, copied: copying } = this.#inFlight.shift()!;
    const { committer, caution, snapshots } = this.#parts;
    const { observer, taskJournal } = this.#setup;
    let fed: DigestedFed;
    let copied: CopiedPart | undefined;
    try {
      fed = await processing;
      copied = await copying;
    } catch (error) {
      // Anything else, such as a journal without room for an effect's answer, is nothing that a record did.
      if (!(error instanceof RealmBroken)) throw error;
      return { kind: "broken", pending, error };
    }
    observer.onStep?.("processed", taskJournal.task.name, pending.seq);
    for (const line of fed.logs) observer.onLog?.(taskJournal.task.name, line);
    const didNothing = fed.isHalted && fed.unitDigests.length === 0;
    if (!didNothing) await committer.commit(pending, fed, { copied });
    caution.passed(fed.records);
    this.#nextTimerMs = fed.nextTimerMs;
    if (snapshots.takeCompleted()) this.#wantsRebirth = true;
    this.#givePermits(permits);
    if (!fed.isHalted) return undefined;
    const { timeMs } = pending.sealed.ranges[0] ?? { timeMs: fed.nowMs };
    const seq = pending.seq + (didNothing ? 0 : 1);
    return { kind: "halted", seq, askedIn: pending.seq, timeMs, failure: fed.failures.at(-1)! };
  }

  async #drain(): Promise<FeedLoopEnd | undefined> {
    while (this.#inFlight.length > 0) {
      const end = await this.#commitOldest();
      if (end) return end;
    }
    await this.#parts.committer.drain();
    this.#setup.taskJournal.flush();
    return undefined;
  }

  async #end(timeMs: number): Promise<FeedLoopEnd | undefined> {
    const end = await this.#drain();
    if (end) return end;
    if (!this.#isEnded) {
      this.#isEnded = true;
      this.#dispatch({ ...NOTHING, progress: this.#parts.sealer.progress }, { timeMs, isEnd: true });
      const broken = await this.#drain();
      if (broken) return broken;
    }
    this.#refuseLoss();
    return { kind: "ended" };
  }

  /** @throws {SinkBehind} when a sink may have lost what it had: who commits nothing would never learn of it */
  #refuseLoss(): void {
    const { task } = this.#setup.taskJournal;
    if (this.#lossSignals(task.name).some(({ aborted }) => aborted)) throw new SinkBehind();
  }

  #lossSignals(task: string): readonly AbortSignal[] {
    return this.#setup.routes.flatMap(({ sink }) => sink.mayHaveLost?.(task) ?? []);
  }

  async #idle(timeMs: number): Promise<FeedLoopEnd | undefined> {
    const [oldest] = this.#inFlight;
    if (oldest) return await (this.#isWorthAhead(oldest) ? this.#waitForMore(oldest.fed) : this.#commitOldest());
    await this.#parts.committer.drain();
    this.#setup.taskJournal.flush();
    this.#refuseLoss();
    if (this.#setup.run.clock === "feed" && this.#nextTimerMs !== undefined && this.#nextTimerMs <= timeMs) {
      this.#nextTimerMs = undefined;
      this.#dispatch({ ...NOTHING, progress: this.#parts.sealer.progress }, { timeMs, isTick: true });
      return undefined;
    }
    return await this.#waitForMore();
  }

  /**
   * While a larger feed is processed, the next one may come: the sandbox should not have to wait for a commit in between.
   * After a small one, what comes meanwhile had better share the next feed: more of them would only wait in line.
   */
  #isWorthAhead({ isProcessed, pending }: InFlight): boolean {
    return !isProcessed && !isSmall(pending.sealed, this.#setup.limits.feedRecordsMax);
  }

  /** Waits until there may be more to read, or something to do: a timer, a stop, the end of `processing`. */
  async #waitForMore(processing?: Promise<unknown>): Promise<undefined> {
    const waiting = new AbortController();
    const { run, sources, stop, taskJournal } = this.#setup;
    // A signal that aborted while something was read says so only once.
    if (stop.aborted) return;
    const byInput = Map.groupBy(taskJournal.task.partitions, ({ input }) => input);
    const onStop = (): void => waiting.abort();
    const reasons = processing ? [stop] : [stop, ...this.#lossSignals(taskJournal.task.name)];
    for (const reason of reasons) reason.addEventListener("abort", onStop, { once: true });
    // A tick has to wait for the feed under way. Where time is that of records, nothing but a record rings a timer.
    const isTimed = !processing && run.clock === "feed" && this.#nextTimerMs !== undefined;
    const dueMs = isTimed ? this.#nextTimerMs! - this.#setup.clock.nowMs() : undefined;
    const timer = dueMs === undefined ? undefined : setTimeout(onStop, Math.min(Math.max(0, dueMs), WAIT_MS_MAX));
    try {
      const more = [...byInput].map(([input, at]) => sources.get(input)!.waitForMore(at, waiting.signal));
      await Promise.race(processing ? [...more, processing.catch(() => {})] : more);
    } finally {
      waiting.abort();
      clearTimeout(timer);
      for (const reason of reasons) reason.removeEventListener("abort", onStop);
    }
  }
}

/** @throws {RealmBroken} which is not the feed's fault, whatever it was */
async function copyOf(realm: Realm, { beginSeq, isFirst }: WantedPart, limits: Limits): Promise<CopiedPart> {
  try {
    return { beginSeq, state: await realm.copy({ entriesMax: limits.snapshotEntriesPerFeed, isFirst }) };
  } catch (error) {
    throw error instanceof RealmBroken ? new RealmBroken(SANDBOX_LOST, error.message, undefined) : error;
  }
}

function isUnreachable(error: unknown): boolean {
  return error instanceof SourceError && error.code === "E_SOURCE_UNREACHABLE";
}

const WAIT_MS_MAX = 60_000;
interface DispatchOptions {
  readonly timeMs: number;
  readonly permits?: number;
  readonly isTick?: boolean;
  readonly isEnd?: boolean;
}
