/**
 * Replay: recorded feeds once more with the recorded code, in isolation; nothing is sent anywhere.
 *
 * What every unit did is compared with its journaled digest. A difference is explained in the order input, code,
 * environment, config, effect, nondeterminism (DESIGN.md §5); the last is proved by runs in fresh realms. Feeds that follow
 * each other share a realm; before any other a realm is opened with the recorded state, wherever that is.
 */

import { toHex } from "../../engine/digest.ts";
import { type Feed, feedRecords } from "../../engine/feed.ts";
import type { EffectHandlers } from "../effects.ts";
import { type FeedEntry, JournalError, type TaskJournal } from "../journal/journal.ts";
import type { DigestedFed } from "../realm.ts";
import { differencesOf } from "./difference.ts";
import { type Divergence, type Explanation, placeInTask, placeOf } from "./divergence.ts";
import { environmentChange } from "./environment_change.ts";
import { FedView } from "./fed_view.ts";
import { compareAnswers } from "./live_effects.ts";
import type { InputsChanged } from "./recorded_feed.ts";
import { epochOf, type RanFeed, RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import { replayableText } from "./replayable.ts";
import { runFromBirth } from "./rerun.ts";
import { type BrokenFeed, walk } from "./walk.ts";

/** Which feeds of a task. */
export interface FeedSelection {
  /** Feeds `[from, to)`. */
  readonly from: number;
  readonly to: number;
  /** Whether a feed in that range is wanted. */
  readonly isWanted: (entry: FeedEntry) => boolean;
}

/** What to replay. */
export interface ReplayOptions extends FeedSelection {
  readonly divergencesMax: number;
  /** Whether a feed that needs what modules kept in variables counts as one that differs. */
  readonly refusesHidden?: boolean;
  /** Asked once more, instead of taking the recorded answers. */
  readonly effects?: EffectHandlers;
  /** Sees what each feed did. */
  readonly onFed?: (feed: Feed, fed: DigestedFed, outputNames: readonly string[]) => Promise<void> | void;
  /** Something a person should know. */
  readonly onNotice?: (text: string) => void;
}

/** What a replay found. */
export interface ReplayResult {
  readonly feeds: number;
  readonly records: number;
  readonly divergences: readonly Divergence[];
}

/** The feeds of a selection that are left. @throws {JournalError} when it lies before them all */
export function* selectedFeeds(
  { taskJournal }: Recording,
  { from, to, isWanted }: FeedSelection,
): Generator<FeedEntry> {
  const first = taskJournal.firstReplayable();
  if (to <= first) {
    throw new JournalError(
      `Cannot replay feeds before ${first} of task ${taskJournal.task.name}: they were pruned; the first left is ${first}`,
      { code: "E_FEEDS_PRUNED" },
    );
  }
  for (const entry of taskJournal.feeds(Math.max(from, first), to)) if (isWanted(entry)) yield entry;
}

/** `entries`, and before each what modules may have kept something of: the feeds since the birth of its realm. */
export function* sinceBirths(taskJournal: TaskJournal, entries: Iterable<FeedEntry>): Generator<FeedEntry> {
  let next = 0;
  for (const entry of entries) {
    yield* taskJournal.feeds(Math.max(next, taskJournal.birthBefore(entry.seq)), entry.seq);
    yield entry;
    next = entry.seq + 1;
  }
}

/** Replays feeds of one task with the code that was recorded. */
export async function replayTask(recording: Recording, options: ReplayOptions): Promise<ReplayResult> {
  const replay = new Replay(recording, options);
  try {
    return await replay.run();
  } finally {
    await replay.close();
  }
}

class Replay {
  readonly #recording: Recording;
  readonly #options: ReplayOptions;
  readonly #realm: RecordedRealm;
  readonly #answers: ReturnType<typeof compareAnswers> | undefined;
  readonly #divergences: Divergence[] = [];
  #feeds = 0;
  #records = 0;

  constructor(recording: Recording, options: ReplayOptions) {
    this.#recording = recording;
    this.#options = options;
    this.#answers = options.effects && compareAnswers(recording, options.effects);
    this.#realm = new RecordedRealm(recording, {
      role: "replay",
      ...(this.#answers ? { answer: this.#answers.answer } : {}),
    });
  }

  async run(): Promise<ReplayResult> {
    for (let hidden = await this.#pass(this.#selected()); hidden;) {
      // The code keeps something in variables: from here on every stretch begins at a birth.
      hidden = await this.#pass(sinceBirths(this.#recording.taskJournal, this.#selected(hidden.seq)));
    }
    return { feeds: this.#feeds, records: this.#records, divergences: this.#divergences };
  }

  close(): Promise<void> {
    return this.#realm.close();
  }

  #selected(from = this.#options.from): Iterable<FeedEntry> {
    return selectedFeeds(this.#recording, { ...this.#options, from });
  }

  /** Runs `entries`; answers a feed that needs those before it, since its realm was not opened where it was born. */
  async #pass(entries: Iterable<FeedEntry>): Promise<FeedEntry | undefined> {
    const { from, to, isWanted, divergencesMax } = this.#options;
    for await (const walked of walk(this.#realm, entries)) {
      const { entry } = walked;
      if (entry.seq < from || entry.seq >= to || !isWanted(entry)) continue;
      if (walked.kind === "missing") await this.#noteMissing(entry, walked.error);
      else if (walked.kind === "broken") this.#noteBroken(walked);
      else if (await this.#compare(walked) === "hidden") return entry;
      if (this.#divergences.length >= divergencesMax) return undefined;
    }
    return undefined;
  }

  async #compare(ran: RanFeed): Promise<"hidden" | undefined> {
    const { entry, feed, fed, info } = ran;
    const changed = this.#answers?.changedIn(entry.seq);
    const unit = this.#firstDifferentUnit(entry, fed);
    const isHidden = unit !== undefined && !changed && !ran.isFromBirth && await this.#isHidden(entry);
    if (isHidden && !this.#options.refusesHidden) {
      this.#options.onNotice?.(this.#hiddenText(entry));
      return "hidden";
    }
    this.#feeds++;
    this.#records += feedRecords(feed);
    await this.#options.onFed?.(feed, fed, info.outputs);
    if (isHidden) await this.#noteHidden(ran, unit);
    else if (unit !== undefined || changed) await this.#explain(ran, unit ?? 0);
    return undefined;
  }

  #firstDifferentUnit({ seq }: FeedEntry, { unitDigests }: DigestedFed): number | undefined {
    const recorded = this.#recording.taskJournal.unitDigests(seq);
    for (let unit = 0; unit < Math.max(recorded.length, unitDigests.length); unit++) {
      if (recorded[unit] !== unitDigests[unit]) return unit;
    }
    return undefined;
  }

  /** Whether the feed does what was recorded once it comes behind all feeds since the birth of its realm. */
  async #isHidden(entry: FeedEntry): Promise<boolean> {
    const realm = new RecordedRealm(this.#recording, { role: "since birth" });
    try {
      const { fed } = await runFromBirth(this.#recording, realm, entry);
      return this.#firstDifferentUnit(entry, fed) === undefined;
    } finally {
      await realm.close();
    }
  }

  #hiddenText({ seq }: FeedEntry): string {
    return `Task ${this.#recording.taskJournal.task.name} keeps something in module variables: feed ${seq} alone does ` +
      "something else than behind the feeds since its realm was born. Keep it in context.state instead";
  }

  /** What the feed does since its birth is what was recorded: it can be shown beside what it does alone. */
  async #noteHidden(ran: RanFeed, unit: number): Promise<void> {
    const view = new FedView(ran.fed, ran.info.outputs);
    const recorded = await this.#runOnceMore(ran.entry);
    const [first, ...others] = differencesOf(recorded!.unit(unit), view.unit(unit));
    const place = placeOf(this.#recording, ran, view.record(unit), view.unit(unit));
    if (first) {
      this.#note({ ...place, ...first, others, cause: "nondeterminism", because: this.#hiddenText(ran.entry) });
    }
  }

  async #noteMissing(entry: FeedEntry, error: InputsChanged): Promise<void> {
    const { stream, partition, from } = error.range;
    this.#note({
      ...placeInTask(this.#recording, entry, { stream, partition, offset: from }),
      field: "input",
      recorded: `${entry.ranges.reduce((sum, { records }) => sum + records, 0)} records`,
      replayed: error.message,
      others: [],
      cause: "input",
      because: `the source does not have them any more; ${await replayableText(this.#recording)}`,
    });
  }

  #noteBroken({ entry, feed, error }: BrokenFeed): void {
    this.#feeds++;
    this.#records += feedRecords(feed);
    const place = placeOf(this.#recording, { entry, feed }, error.record ?? -1);
    const because = "the feed was processed then, and breaks its sandbox now";
    const values = { field: "error", recorded: undefined, replayed: `${error.code}: ${error.message}`, others: [] };
    this.#note({ ...place, ...values, cause: "nondeterminism", because });
  }

  async #explain(ran: RanFeed, unit: number): Promise<void> {
    const { entry, fed, info } = ran;
    const recorded = this.#recording.taskJournal.unitDigests(entry.seq);
    const view = new FedView(fed, info.outputs);
    const place = placeOf(this.#recording, ran, view.record(unit), view.unit(unit));
    const digest = (value: number | undefined) => value === undefined ? undefined : `digest ${value.toString(16)}`;
    const digests = { recorded: digest(recorded[unit]), replayed: digest(view.digest(unit)), others: [] };
    if (toHex(fed.inputDigest) !== toHex(entry.inputDigest)) {
      const because = "the records of the feed have another digest than when they were read first";
      return this.#note({ ...place, ...digests, field: "input", cause: "input", because });
    }
    const answered = this.#answers?.changedIn(entry.seq);
    if (answered) {
      const { record, ...difference } = answered;
      const because = "its handler gives another answer than was recorded";
      return this.#note({
        ...placeOf(this.#recording, ran, record),
        ...difference,
        others: [],
        cause: "effect",
        because,
      });
    }
    const again = await this.#runOnceMore(entry);
    const [first, ...others] = again ? differencesOf(again.unit(unit), view.unit(unit)) : [];
    const shown = first
      ? { ...digests, ...first, recorded: digests.recorded }
      : { ...digests, field: fieldOf(view, unit) };
    this.#note({ ...place, ...shown, others, ...this.#causeOf(entry, first?.field) });
  }

  #causeOf(entry: FeedEntry, field: string | undefined): Explanation {
    const change = environmentChange(epochOf(this.#recording, entry).environment);
    if (change !== undefined) {
      return { cause: "environment", because: `${change}; input and code are what they were` };
    }
    if (field?.startsWith("effect")) return { cause: "effect", because: "the code asks for other effects than then" };
    const because = field === undefined
      ? "input, code, environment and config are what they were; two runs in fresh realms agree with each other, not with " +
        "the recording"
      : "input, code, environment and config are what they were; two runs in fresh realms differ from each other";
    return { cause: "nondeterminism", because };
  }

  /** The same feed in another fresh realm: code that is deterministic does the same again. */
  async #runOnceMore(entry: FeedEntry): Promise<FedView | undefined> {
    const realm = new RecordedRealm(this.#recording, { role: "once more" });
    try {
      const { fed, info } = await runFromBirth(this.#recording, realm, entry);
      return new FedView(fed, info.outputs);
    } finally {
      await realm.close();
    }
  }

  #note(divergence: Divergence): void {
    if (this.#divergences.length < this.#options.divergencesMax) this.#divergences.push(divergence);
  }
}

function fieldOf(view: FedView, unit: number): string {
  const { outputs, trace } = view.unit(unit);
  if (outputs.length > 0) return "output[0]";
  return trace.length > 0 ? "state" : "output";
}
