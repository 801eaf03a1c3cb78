/**
 * What if: recorded feeds through other code, with their recorded times and effects; what would have been different?
 *
 * Only the other code runs, as long as every unit has the digest that was recorded. A feed that has not is run with the
 * recorded code as well, since the journal keeps digests and not what was emitted. The other code begins with the recorded
 * state, and keeps its own from there on, through all feeds that follow each other.
 */

import { feedRecords } from "../../engine/feed.ts";
import { answerWith, type EffectHandlers } from "../effects.ts";
import type { FeedEntry, JournaledCode } from "../journal/journal.ts";
import type { DigestedFed } from "../realm.ts";
import { explainCode } from "./code_change.ts";
import { type Difference, differencesOf, errorOf } from "./difference.ts";
import { type Divergence, type Explanation, placeInTask, placeOf } from "./divergence.ts";
import { firstNeeded } from "./first_needed.ts";
import { FedView, pairUnits, type UnitView } from "./fed_view.ts";
import { outcomeOf } from "./halt.ts";
import type { Halted } from "./halted.ts";
import { KeyDifferences } from "./key_differences.ts";
import { epochOf, type RanFeed, RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import { type FeedSelection, selectedFeeds, sinceBirths } from "./replay.ts";
import { replayableText } from "./replayable.ts";
import { isSameUnits, runRecorded } from "./rerun.ts";
import { type BrokenFeed, walk } from "./walk.ts";

/** What differs in a record, by kind. */
export type ChangeKind = "changed" | "missing" | "extra" | "errors" | "state" | "other";

/** What to try. */
export interface WhatIfOptions extends FeedSelection {
  readonly code: JournaledCode;
  /** Differences to describe; all are counted. `1` and `stopsAtFirst` is a search. */
  readonly divergencesMax: number;
  /** Ends at the first record that differs. */
  readonly stopsAtFirst?: boolean;
  /** Describes records only where this differs. */
  readonly only?: ChangeKind;
  /** Asked instead of taking the recorded answers. */
  readonly effects?: EffectHandlers;
  /** The record that halted the task, when it is to be tried as well. */
  readonly halted?: Halted;
  /** Sees what the other code did in each feed. */
  readonly onFed?: (feed: RanFeed["feed"], fed: DigestedFed, outputNames: readonly string[]) => Promise<void> | void;
}

/** What the other code would have done. */
export interface WhatIf {
  readonly feeds: number;
  readonly records: number;
  /** Records (and timers, and hooks) that do something else. */
  readonly recordsChanged: number;
  readonly outputs: Readonly<Record<"same" | "changed" | "missing" | "extra", number>>;
  /** Records that failed and would not, and the other way round. */
  readonly errors: Readonly<Record<"fixed" | "new", number>>;
  /** Keys of the state that have another value after the feeds. */
  readonly stateKeysChanged: number;
  readonly divergences: readonly Divergence[];
}

/** Runs feeds of one task through other code. */
export async function tryCode(recording: Recording, options: WhatIfOptions): Promise<WhatIf> {
  const trial = new Trial(recording, options);
  try {
    return await trial.run();
  } finally {
    await trial.close();
  }
}

/** Which feed a unit belongs to. */
interface TriedFeed extends Pick<RanFeed, "feed"> {
  readonly entry: Pick<FeedEntry, "seq" | "epoch">;
}

class Trial {
  readonly #recording: Recording;
  readonly #options: WhatIfOptions;
  readonly #tried: RecordedRealm;
  /** Runs the recorded code: what it does is what was recorded. */
  readonly #recorded: RecordedRealm;
  readonly #keys: KeyDifferences;
  readonly #explanations = new Map<string, Explanation>();
  readonly #divergences: Divergence[] = [];
  readonly #outputs = { same: 0, changed: 0, missing: 0, extra: 0 };
  readonly #errors = { fixed: 0, new: 0 };
  #feeds = 0;
  #records = 0;
  #recordsChanged = 0;

  constructor(recording: Recording, options: WhatIfOptions) {
    this.#recording = recording;
    this.#options = options;
    const { code, effects } = options;
    const answer = effects && answerWith(effects);
    this.#tried = new RecordedRealm(recording, { role: "tried", code, ...(answer ? { answer } : {}) });
    this.#recorded = new RecordedRealm(recording, { role: "recorded" });
    this.#keys = new KeyDifferences(recording.taskJournal);
  }

  async run(): Promise<WhatIf> {
    for await (const walked of walk(this.#tried, await this.#entries())) {
      if (!this.#isWanted(walked.entry)) continue;
      if (walked.kind === "missing") await this.#noteMissing(walked.entry, walked.error.message);
      else if (walked.kind === "broken") this.#noteBroken(walked);
      else await this.#compare(walked);
      if (this.#options.stopsAtFirst && this.#divergences.length > 0) break;
    }
    if (this.#options.halted) await this.#tryHalted(this.#options.halted);
    return {
      feeds: this.#feeds,
      records: this.#records,
      recordsChanged: this.#recordsChanged,
      outputs: this.#outputs,
      errors: this.#errors,
      stateKeysChanged: this.#keys.finish(),
      divergences: this.#divergences,
    };
  }

  /** The selected feeds; with those before them that the recorded code needs, since the other may need them as well. */
  async #entries(): Promise<Iterable<FeedEntry>> {
    const selected = () => selectedFeeds(this.#recording, this.#options);
    const [first] = selected();
    if (first === undefined) return [];
    const needed = await firstNeeded(this.#recording, first.seq, first.seq + 1).catch(() => first.seq);
    return needed === first.seq ? selected() : sinceBirths(this.#recording.taskJournal, selected());
  }

  #isWanted(entry: FeedEntry): boolean {
    const { from, to, isWanted } = this.#options;
    return entry.seq >= from && entry.seq < to && isWanted(entry);
  }

  async close(): Promise<void> {
    await this.#tried.close();
    await this.#recorded.close();
  }

  async #compare(tried: RanFeed): Promise<void> {
    const { entry, feed, fed, info } = tried;
    this.#feeds++;
    this.#records += feedRecords(feed);
    await this.#options.onFed?.(feed, fed, info.outputs);
    if (!this.#options.stopsAtFirst) this.#keys.note(entry.seq, fed.changes);
    if (isSameUnits(this.#recording, tried)) {
      this.#outputs.same += fed.outputs.count;
      return;
    }
    const recorded = (await runRecorded(this.#recording, this.#recorded, entry))!;
    const [was, is] = [new FedView(recorded.fed, recorded.info.outputs), new FedView(fed, info.outputs)];
    for (const [before, after] of pairUnits(was.records, is.records)) {
      if (before !== undefined && after !== undefined && was.digest(before) === is.digest(after)) {
        this.#outputs.same += is.outputCount(after);
      } else {
        const record = after === undefined ? was.record(before!) : is.record(after);
        this.#noteUnit(tried, record, was.unit(before), is.unit(after));
      }
    }
  }

  #noteUnit(tried: TriedFeed, record: number, was: UnitView, is: UnitView): void {
    const differences = differencesOf(was, is);
    if (differences.length === 0) return;
    this.#recordsChanged++;
    const kinds = this.#count(was, is, differences);
    const { only, divergencesMax } = this.#options;
    if (only !== undefined && !kinds.has(only)) return;
    if (this.#divergences.length >= divergencesMax) return;
    const [first, ...others] = differences;
    const place = placeOf(this.#recording, tried, record, is.trace.length > 0 ? is : was);
    this.#divergences.push({ ...place, ...first, others, ...this.#explain(tried.entry, first) });
  }

  /** Counts what differs; answers of which kinds it is. */
  #count(was: UnitView, is: UnitView, differences: readonly Difference[]): ReadonlySet<ChangeKind> {
    const kinds = new Set<ChangeKind>();
    const note = (kind: "changed" | "missing" | "extra", count: number): void => {
      this.#outputs[kind] += count;
      if (count > 0) kinds.add(kind);
    };
    const [before, after] = [was.outputs.length, is.outputs.length];
    const different = differences.filter(({ field }) => field.startsWith("output[")).length;
    const changed = different - Math.abs(before - after);
    note("changed", changed);
    note("missing", Math.max(0, before - after));
    note("extra", Math.max(0, after - before));
    this.#outputs.same += Math.min(before, after) - changed;
    const [failed, fails] = [errorOf(was), errorOf(is)];
    if (failed !== fails) kinds.add("errors");
    if (failed !== undefined && fails === undefined) this.#errors.fixed++;
    if (failed === undefined && fails !== undefined) this.#errors.new++;
    if (differences.some(({ field }) => field.startsWith("state["))) kinds.add("state");
    if (kinds.size === 0) kinds.add("other");
    return kinds;
  }

  #explain(entry: TriedFeed["entry"], { field }: Difference): Explanation {
    if (field.startsWith("effect")) return { cause: "effect", because: "the code asks for other effects" };
    const { codeHash } = epochOf(this.#recording, entry);
    let explanation = this.#explanations.get(codeHash);
    if (!explanation) {
      explanation = explainCode(this.#recording.journal.code(codeHash), this.#options.code);
      this.#explanations.set(codeHash, explanation);
    }
    return explanation;
  }

  /** What its other records would have done is not known. */
  #noteBroken({ entry, feed, error }: BrokenFeed): void {
    this.#feeds++;
    this.#records += feedRecords(feed);
    this.#recordsChanged++;
    this.#errors.new++;
    if (this.#divergences.length >= this.#options.divergencesMax) return;
    const place = placeOf(this.#recording, { entry, feed }, error.record ?? -1);
    const difference = { field: "error", recorded: undefined, replayed: `${error.code}: ${error.message}` };
    this.#divergences.push({ ...place, ...difference, others: [], ...this.#explain(entry, difference) });
  }

  async #tryHalted({ feed, failure: recorded }: Halted): Promise<void> {
    this.#feeds++;
    this.#records++;
    const { ran, failure } = await outcomeOf(this.#tried, feed);
    const error = (name: string) => ({ kind: "error", subject: name, detail: "" }) as const;
    const was: UnitView = { outputs: [], trace: [error(`${recorded.name}: ${recorded.message}`)] };
    const view = ran && new FedView(ran.fed, ran.info.outputs);
    const did = view?.unit(view.unitOf(0)) ?? { outputs: [], trace: [] };
    const trace = did.trace.filter(({ kind }) => kind !== "error");
    const is = { ...did, trace: failure === undefined ? trace : [...trace, error(failure)] };
    const epoch = this.#recording.taskJournal.epochs().at(-1)!;
    this.#noteUnit({ entry: { seq: feed.seq, epoch: epoch.epoch }, feed }, 0, was, is);
  }

  async #noteMissing(entry: FeedEntry, message: string): Promise<void> {
    if (this.#divergences.length >= this.#options.divergencesMax) return;
    this.#divergences.push({
      ...placeInTask(this.#recording, entry, undefined),
      field: "input",
      recorded: `${entry.records} records`,
      replayed: message,
      others: [],
      cause: "input",
      because: `the source does not have them any more; ${await replayableText(this.#recording)}`,
    });
  }
}
