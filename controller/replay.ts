/**
 * Replay: recorded feeds once more, in isolation, with their recorded times and effects; nothing is sent anywhere.
 *
 * A replay starts where a realm was born, at or before the first feed that is asked for, with the state of that moment.
 * What every unit did is compared with its journaled digest, or, when other code is tried, with what the recorded code
 * does in a realm beside it. A difference is explained in the order input, code, environment, config, effect,
 * nondeterminism (DESIGN.md §5).
 */

import type { Source } from "../adapters/source.ts";
import { toHex } from "../engine/digest.ts";
import { type Feed, feedRecords } from "../engine/feed.ts";
import type { Origin } from "../engine/record.ts";
import { type Difference, firstDifference } from "./difference.ts";
import { birthBefore } from "./birth.ts";
import { answerFrom } from "./effects.ts";
import { originAt } from "./feed_record.ts";
import { environmentFingerprint } from "./environment.ts";
import {
  type Epoch,
  type FeedEntry,
  type Journal,
  type JournaledCode,
  JournalError,
  type Run,
  type TaskJournal,
} from "./journal/journal.ts";
import type { Limits } from "./limits.ts";
import { type DigestedFed, Realm } from "./realm.ts";
import { chainAfter, realmOptions } from "./realm_options.ts";
import { InputsChanged, loadRecordedFeed } from "./recorded_feed.ts";
import { releaseFeed } from "./release.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";
import { FedView } from "./unit_view.ts";

/** Why a replay differs. */
export type Cause = "input" | "code" | "environment" | "config" | "effect" | "nondeterminism";

/** A difference between a recording and its replay. */
export interface Divergence extends Difference {
  readonly task: string;
  readonly feed: number;
  /** Absent for timers and hooks. */
  readonly record: Origin | undefined;
  /** The name of the input that the record came from. */
  readonly input?: string;
  readonly cause: Cause;
}

/** What to replay. */
export interface ReplayOptions {
  readonly journal: Journal;
  readonly run: Run;
  readonly taskJournal: TaskJournal;
  readonly sources: ReadonlyMap<string, Source>;
  readonly sandbox: () => Sandbox;
  readonly limits: Limits;
  /** Feeds `[from, to)`. */
  readonly from: number;
  readonly to: number;
  /** Whether a feed in that range is compared. */
  readonly isWanted: (entry: FeedEntry) => boolean;
  /** Other code to run over the same feeds. */
  readonly withCode?: JournaledCode;
  readonly divergencesMax: number;
  /** Sees what each compared feed did. */
  readonly onFed?: (feed: Feed, fed: DigestedFed, outputNames: readonly string[]) => Promise<void> | void;
}

/** What a replay found. */
export interface ReplayResult {
  readonly feeds: number;
  readonly records: number;
  readonly divergences: readonly Divergence[];
}

/** Replays feeds of one task. */
export async function replayTask(options: ReplayOptions): Promise<ReplayResult> {
  const replay = new TaskReplay(options);
  try {
    return await replay.run();
  } finally {
    await replay.close();
  }
}

/** Feeds between loading and comparing. */
const FEEDS_STARTED_MAX = 3;

interface Started {
  readonly entry: FeedEntry;
  readonly feed: Feed;
  readonly fed: Promise<DigestedFed>;
  readonly reference: Promise<DigestedFed> | undefined;
  readonly isCompared: boolean;
}

class TaskReplay {
  readonly #options: ReplayOptions;
  readonly #divergences: Divergence[] = [];
  #epoch: Epoch | undefined;
  #replayed: Realm | undefined;
  /** Runs the recorded code when other code is tried: what it does is what was recorded. */
  #reference: Realm | undefined;
  readonly #started: Started[] = [];
  #feeds = 0;
  #records = 0;

  constructor(options: ReplayOptions) {
    this.#options = options;
  }

  async run(): Promise<ReplayResult> {
    const { taskJournal, to, from, isWanted, divergencesMax } = this.#options;
    const first = taskJournal.firstReplayable();
    if (to <= first) {
      throw new JournalError(
        `Cannot replay feeds before ${first} of task ${taskJournal.task.name}: they were pruned; the first left is ${first}`,
        { code: "E_FEEDS_PRUNED" },
      );
    }
    for (const entry of taskJournal.feeds(birthBefore(taskJournal, from), to)) {
      if (entry.isReborn || !this.#replayed) {
        await this.#drain();
        await this.#bear(entry);
      }
      await this.#start(entry, entry.seq >= from && isWanted(entry));
      if (this.#started.length >= FEEDS_STARTED_MAX) await this.#compareOldest();
      if (this.#divergences.length >= divergencesMax) break;
    }
    await this.#drain();
    return { feeds: this.#feeds, records: this.#records, divergences: this.#divergences };
  }

  async close(): Promise<void> {
    await this.#replayed?.close();
    await this.#reference?.close();
  }

  async #bear(entry: FeedEntry): Promise<void> {
    const { taskJournal, withCode } = this.#options;
    await this.close();
    this.#epoch = taskJournal.epochs().find(({ epoch }) => epoch === entry.epoch)!;
    const recorded = this.#options.journal.code(this.#epoch.codeHash);
    // Both begin with the recorded state; a difference that other code makes to it lasts until the next birth.
    this.#replayed = await this.#open("replay", withCode ?? recorded, entry.seq);
    this.#reference = withCode && await this.#open("reference", recorded, entry.seq);
  }

  #open(role: string, code: JournaledCode, seq: number): Promise<Realm> {
    const { taskJournal, run, limits, sandbox } = this.#options;
    const [before] = taskJournal.feeds(seq - 1, seq);
    return Realm.open(
      sandbox(),
      {
        task: `${taskJournal.task.name} (${role})`,
        code: code.bundle,
        // Recorded feeds hold no record that halted; other code may fail on any of them, and is to go on.
        options: realmOptions(run, before, { onError: "skip" }, limits),
        chain: chainAfter(before),
        state: taskJournal.stateBefore(seq),
      },
      limits,
      { answer: answerFrom((feed) => taskJournal.effects(feed)), record: () => {} },
    );
  }

  /** Loads a feed and hands it to the realms; the one before it may still be under way. */
  async #start(entry: FeedEntry, isCompared: boolean): Promise<void> {
    if (entry.givenUp !== undefined) return;
    const { taskJournal, sources } = this.#options;
    try {
      const feed = await loadRecordedFeed(entry, taskJournal, sources);
      const [fed, reference] = [this.#replayed!.process(feed), this.#reference?.process(feed)];
      // They are awaited in order; an earlier one that fails must not leave these unhandled.
      fed.catch(() => {});
      reference?.catch(() => {});
      this.#started.push({ entry, feed, fed, reference, isCompared });
    } catch (error) {
      if (!(error instanceof InputsChanged)) throw error;
      this.#noteMissingInputs(entry, error);
    }
  }

  async #drain(): Promise<void> {
    while (this.#started.length > 0) await this.#compareOldest();
  }

  async #compareOldest(): Promise<void> {
    const { entry, feed, isCompared, ...started } = this.#started.shift()!;
    const fed = await started.fed;
    const reference = await started.reference;
    if (isCompared) await this.#compare(entry, feed, fed, reference);
    releaseFeed(feed.batches, fed);
  }

  async #compare(entry: FeedEntry, feed: Feed, fed: DigestedFed, reference: DigestedFed | undefined): Promise<void> {
    this.#feeds++;
    this.#records += feedRecords(feed);
    await this.#options.onFed?.(feed, fed, this.#replayed!.info.outputs);
    if (reference) this.#compareWithReference(entry, feed, fed, reference);
    else await this.#compareWithJournal(entry, feed, fed);
  }

  #noteMissingInputs({ seq, ranges }: FeedEntry, error: InputsChanged): void {
    const { stream, partition, from } = error.range;
    this.#note({
      feed: seq,
      record: { stream, partition, offset: from },
      field: "input",
      recorded: `${ranges.reduce((sum, { records }) => sum + records, 0)} records`,
      replayed: error.message,
      cause: "input",
    });
  }

  #compareWithReference({ seq }: FeedEntry, feed: Feed, fed: DigestedFed, reference: DigestedFed): void {
    const recorded = new FedView(reference, this.#reference!.info.outputs);
    const replayed = new FedView(fed, this.#replayed!.info.outputs);
    for (let unit = 0; unit < Math.max(recorded.length, replayed.length); unit++) {
      if (recorded.digest(unit) === replayed.digest(unit)) continue;
      const difference = firstDifference(recorded.unit(unit), replayed.unit(unit));
      if (!difference) continue;
      const record = originAt(feed, Math.max(recorded.record(unit), replayed.record(unit)));
      const cause = difference.field.startsWith("effect") ? "effect" : "code";
      this.#note({ feed: seq, record, ...difference, cause });
    }
  }

  async #compareWithJournal(entry: FeedEntry, feed: Feed, fed: DigestedFed): Promise<void> {
    const recorded = this.#options.taskJournal.unitDigests(entry.seq);
    const unit = firstDifferentUnit(recorded, fed.unitDigests);
    const isSameChain = this.#divergences.length > 0 || toHex(fed.chain) === toHex(entry.chain);
    if (unit === undefined && isSameChain) return;
    const view = new FedView(fed, this.#replayed!.info.outputs);
    const at = unit ?? 0;
    const record = originAt(feed, view.record(at));
    const digest = (value: number | undefined) => value === undefined ? undefined : `digest ${value.toString(16)}`;
    if (toHex(fed.inputDigest) !== toHex(entry.inputDigest)) {
      const [was, is] = [toHex(entry.inputDigest), toHex(fed.inputDigest)];
      return this.#note({ feed: entry.seq, record, field: "input", recorded: was, replayed: is, cause: "input" });
    }
    const again = await this.#runOnceMore(entry);
    const difference = firstDifference(view.unit(at), again.view.unit(at));
    const shown = difference
      ? { field: difference.field, recorded: digest(recorded[at]), replayed: difference.replayed }
      : { field: fieldOf(view, at), recorded: digest(recorded[at]), replayed: digest(view.digest(at)) };
    this.#note({ feed: entry.seq, record, ...shown, cause: this.#causeOf(difference) });
  }

  #causeOf(difference: Difference | undefined): Cause {
    const was = this.#epoch!.environment;
    const is = environmentFingerprint();
    if (Object.keys({ ...was, ...is }).some((name) => was[name] !== is[name])) return "environment";
    if (difference?.field.startsWith("effect")) return "effect";
    return "nondeterminism";
  }

  /** The same feed in another fresh realm: code that is deterministic does the same again. */
  async #runOnceMore(entry: FeedEntry): Promise<{ readonly view: FedView }> {
    const { taskJournal, journal, sources } = this.#options;
    const realm = await this.#open(
      "once more",
      journal.code(this.#epoch!.codeHash),
      birthBefore(taskJournal, entry.seq),
    );
    try {
      let fed: DigestedFed | undefined;
      for (const each of taskJournal.feeds(birthBefore(taskJournal, entry.seq), entry.seq + 1)) {
        if (each.givenUp !== undefined) continue;
        fed = await realm.process(await loadRecordedFeed(each, taskJournal, sources));
      }
      return { view: new FedView(fed!, realm.info.outputs) };
    } finally {
      await realm.close();
    }
  }

  #note(divergence: Omit<Divergence, "task" | "input">): void {
    const { divergencesMax, taskJournal: { task } } = this.#options;
    if (this.#divergences.length >= divergencesMax) return;
    const { record } = divergence;
    const partition = record &&
      task.partitions.find((each) => each.stream === record.stream && each.partition === record.partition);
    this.#divergences.push({ task: task.name, ...divergence, ...(partition ? { input: partition.input } : {}) });
  }
}

function fieldOf(view: FedView, unit: number): string {
  const { outputs, trace } = view.unit(unit);
  if (outputs.length > 0) return "output[0]";
  return trace.length > 0 ? "state" : "output";
}

function firstDifferentUnit(recorded: Uint32Array, replayed: Uint32Array): number | undefined {
  for (let unit = 0; unit < Math.max(recorded.length, replayed.length); unit++) {
    if (recorded[unit] !== replayed[unit]) return unit;
  }
  return undefined;
}
