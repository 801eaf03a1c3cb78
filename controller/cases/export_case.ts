/**
 * A case file: some feeds of one task with everything it takes to run them again, anywhere.
 *
 * It is a journal like any other (docs/decisions/0010): one run, one task, the code, the state before the first feed as a
 * snapshot, and every input captured. So whatever reads a journal reads a case. It begins with the first feed that is
 * asked for, or where its realm was born when modules kept something in variables. Every feed is run once more while it is exported: a case holds what its own
 * inputs do, which is what was recorded unless they are redacted or the code is not deterministic.
 */

import type { Batch } from "../../engine/batch.ts";
import { toHex } from "../../engine/digest.ts";
import { packBatch } from "../../formats/packed_batch.ts";
import { deadLetterOf } from "../feed_record.ts";
import type { FeedEntry, JournalEvent, Progress, Run, TaskJournal } from "../journal/journal.ts";
import { JournalError } from "../journal/journal.ts";
import { partitionKey } from "../journal/rows.ts";
import { SqliteJournal } from "../journal/sqlite_journal.ts";
import { Realm } from "../realm.ts";
import { chainAfter, realmOptions } from "../realm_options.ts";
import { haltOf } from "../replay/halted.ts";
import { loadRecordedFeed } from "../replay/recorded_feed.ts";
import { epochOf } from "../replay/recorded_realm.ts";
import type { Recording } from "../replay/recording.ts";
import { firstNeeded } from "../replay/first_needed.ts";
import { NO_REDACTION, type Redaction } from "./redaction.ts";

/** What to export, and how. */
export interface ExportOptions {
  /** Feeds `[from, to)`; what is beyond the last feed is the record that halted the task, if one did. */
  readonly from: number;
  readonly to: number;
  readonly redaction?: Redaction;
  readonly nowMs: number;
}

/** What was exported. */
export interface ExportReport {
  readonly task: string;
  /** Feeds `[from, to)` of the case; `from` may be before the one that was asked for. */
  readonly from: number;
  readonly to: number;
  readonly records: number;
  /** Feeds that did something else than was recorded; not known when they were redacted. */
  readonly diverged: readonly number[];
  /** Whether the record that halted the task is in it. */
  readonly isHalted: boolean;
}

/**
 * Writes a case to `path`, which must not exist.
 *
 * @throws {JournalError} when there is nothing to export, or a file is there already
 * @throws {InputsChanged} when the inputs cannot be had any more
 */
export async function exportCase(recording: Recording, path: string, options: ExportOptions): Promise<ExportReport> {
  const partial = `${path}.partial`;
  await refuseExisting(path);
  try {
    await Deno.remove(partial).catch(() => {});
    const exported = new CaseExport(recording, await SqliteJournal.open(partial), options);
    const report = await exported.run();
    await Deno.rename(partial, path);
    return report;
  } catch (error) {
    for (const suffix of ["", "-wal", "-shm"]) await Deno.remove(partial + suffix).catch(() => {});
    throw error;
  }
}

async function refuseExisting(path: string): Promise<void> {
  const exists = await Deno.stat(path).then(() => true, () => false);
  if (!exists) return;
  throw new JournalError(`Cannot export to ${path}: it exists; name another file, or remove it`, {
    code: "E_FILE_EXISTS",
  });
}

class CaseExport {
  readonly #recording: Recording;
  readonly #journal: SqliteJournal;
  readonly #options: ExportOptions;
  readonly #redaction: Redaction;
  readonly #run: Run;
  readonly #task: TaskJournal;
  readonly #progress = new Map<string, Progress>();
  readonly #diverged: number[] = [];
  #realm: Realm | undefined;
  #records = 0;

  constructor(recording: Recording, journal: SqliteJournal, options: ExportOptions) {
    this.#recording = recording;
    this.#journal = journal;
    this.#options = options;
    this.#redaction = options.redaction ?? NO_REDACTION;
    const { id: _, ...spec } = recording.run;
    // Where it came from stays behind: a case needs no broker, and a URI is nobody else's business.
    this.#run = journal.createRun({ ...spec, uris: {} });
    const { task } = recording.taskJournal;
    const started = task.partitions.map((each) => ({
      ...each,
      start: task.starts.get(partitionKey(each))?.position ?? 0n,
    }));
    this.#task = journal.task(journal.createTask(this.#run, task.name, started, task.predecessors));
  }

  async run(): Promise<ExportReport> {
    try {
      const range = await this.#range();
      if (this.#redaction.isOn) await this.#learn(range);
      this.#writeEpochs();
      this.#writeBeginning(range.from);
      for (const entry of this.#recording.taskJournal.feeds(range.from, range.to)) await this.#writeFeed(entry);
      const isHalted = this.#writeHalt();
      this.#journal.addEvent(this.#run, this.#exportedEvent(range));
      this.#task.flush();
      return { ...range, ...this.#report(), isHalted };
    } finally {
      await this.#realm?.close();
      // One file, without a log beside it.
      this.#journal.database.becomeOneFile();
      this.#journal.close();
    }
  }

  #report(): Pick<ExportReport, "task" | "records" | "diverged"> {
    return { task: this.#task.task.name, records: this.#records, diverged: this.#diverged };
  }

  async #range(): Promise<{ readonly from: number; readonly to: number }> {
    const { taskJournal } = this.#recording;
    const end = (taskJournal.lastFeed()?.seq ?? -1) + 1;
    const wanted = Math.min(this.#options.from, end);
    const to = Math.min(this.#options.to, end);
    const hasHalt = haltOf(this.#recording) !== undefined && this.#options.to > end;
    if (wanted >= to && !hasHalt) {
      throw new JournalError(
        `Cannot export feeds ${this.#options.from} to ${
          this.#options.to - 1
        } of task ${taskJournal.task.name}: it has ` +
          `feeds ${taskJournal.firstReplayable()} to ${end - 1}`,
        { code: "E_FEED_UNKNOWN" },
      );
    }
    return { from: wanted >= end ? end : await firstNeeded(this.#recording, wanted, to), to };
  }

  /** What is to be masked must be known before the state is, and its keys. */
  async #learn({ from, to }: { readonly from: number; readonly to: number }): Promise<void> {
    const { taskJournal, sources } = this.#recording;
    for (const entry of taskJournal.feeds(from, to)) {
      for (const batch of (await loadRecordedFeed(entry, taskJournal, sources)).batches) this.#redaction.batch(batch);
    }
    for (const batch of haltOf(this.#recording)?.feed.batches ?? []) this.#redaction.batch(batch);
  }

  #writeEpochs(): void {
    for (const { epoch: _, ...epoch } of this.#recording.taskJournal.epochs()) {
      this.#journal.putCode(this.#recording.journal.code(epoch.codeHash));
      this.#task.openEpoch(epoch);
    }
  }

  /** The feed before the first, for its digest and time, and the state after it. */
  #writeBeginning(from: number): void {
    const { taskJournal } = this.#recording;
    for (const [key, progress] of taskJournal.task.starts) this.#progress.set(key, { position: progress.position });
    // Before the first feed of a task there is only what it took over from others.
    const [before] = taskJournal.feeds(from - 1, from);
    if (!before) return;
    const state = [...taskJournal.stateBefore(from)].map((part) => this.#redaction.state(part));
    const { receipts: _, ...entry } = before;
    this.#journal.database.transaction(() => this.#task.beginAt(entry, taskJournal.unitDigests(before.seq), state));
  }

  async #writeFeed(entry: FeedEntry): Promise<void> {
    const { taskJournal, sources } = this.#recording;
    const { seq } = entry;
    const recorded = await loadRecordedFeed(entry, taskJournal, sources);
    const batches = recorded.batches.map((batch) => this.#redaction.batch(batch));
    const captured = batches.length === 0 ? undefined : batches.map(copyBatch);
    for (const range of entry.ranges) this.#progress.set(partitionKey(range), { position: range.to });
    if (entry.givenUp !== undefined) {
      await this.#realm?.close();
      this.#realm = undefined;
      const nothing = { changes: taskJournal.changes(seq), unitDigests: taskJournal.unitDigests(seq) };
      return await this.#prepare({ ...entry, ...nothing, deadLetters: [], letters: 0 }, captured);
    }
    if (entry.isReborn || !this.#realm) await this.#open(entry);
    const fed = await this.#realm!.process({ ...recorded, batches });
    if (!this.#redaction.isOn && toHex(fed.chain) !== toHex(entry.chain)) this.#diverged.push(seq);
    this.#records += entry.records;
    const deadLetters = entry.letters > 0 ? fed.failures.flatMap(deadLetterOf) : [];
    await this.#prepare({
      ...entry,
      outputs: fed.outputs.count,
      nowMs: fed.nowMs,
      isStarted: fed.isStarted,
      failures: fed.failures.length,
      letters: deadLetters.length,
      chain: fed.chain,
      inputDigest: fed.inputDigest,
      unitDigests: fed.unitDigests,
      changes: { state: fed.changes, timers: fed.timerChanges },
      deadLetters,
    }, captured);
  }

  async #prepare(
    feed: Omit<Parameters<TaskJournal["prepare"]>[0], "captured" | "snapshotPart">,
    captured: readonly Batch[] | undefined,
  ): Promise<void> {
    await this.#task.prepare({ ...feed, captured, snapshotPart: undefined }, this.#progress);
    this.#task.settle(feed.seq, {});
  }

  /** A realm that goes on from what the case holds so far. */
  async #open(entry: FeedEntry): Promise<void> {
    const { taskJournal, journal, run, limits, sandbox } = this.#recording;
    await this.#realm?.close();
    const before = this.#task.lastFeed();
    const setup = {
      run: run.name,
      task: `${taskJournal.task.name} (export)`,
      code: journal.code(epochOf(this.#recording, entry).codeHash).bundle,
      options: realmOptions(run, before, { onError: "skip" }, limits),
      chain: chainAfter(before),
      state: this.#task.stateBefore(entry.seq),
    };
    this.#realm = await Realm.open(sandbox(), setup, limits, {
      answer: (seq, requests) => {
        // What was asked may hold what is redacted; the order of the requests is the same.
        const answers = new Map(taskJournal.effects(seq).map((effect) => [effect.id, effect]));
        return Promise.resolve(requests.map((request) => {
          const { ok = false, text = "the recording has no answer to it" } = answers.get(request.id) ?? {};
          return { ...request, ok, text: this.#redaction.text(text) };
        }));
      },
      record: (seq, effects) => this.#task.recordEffects(seq, effects),
    });
  }

  #writeHalt(): boolean {
    const halted = haltOf(this.#recording);
    const { taskJournal, journal, run } = this.#recording;
    const last = taskJournal.lastFeed()?.seq ?? -1;
    if (!halted || this.#options.to <= last + 1) return false;
    const event = journal.events(run).findLast(({ kind, task }) =>
      kind === "halted" && task === taskJournal.task.name
    )!;
    const [batch] = halted.feed.batches.map((each) => this.#redaction.batch(each));
    const failure = JSON.parse(this.#redaction.text(JSON.stringify(halted.failure)));
    const effects = halted.effects.map((each) => ({
      ...each,
      inputJson: this.#redaction.text(each.inputJson),
      text: this.#redaction.text(each.text),
    }));
    const detail = { ...event.detail, failure, effects, record: packBatch(batch).toBase64() };
    this.#journal.addEvent(this.#run, { ...event, detail });
    this.#records++;
    return true;
  }

  #exportedEvent({ from, to }: { readonly from: number; readonly to: number }): JournalEvent {
    const { isOn, fields } = this.#redaction;
    const detail = { from, to, ...(isOn ? { redacted: fields } : {}) };
    return { kind: "exported", task: this.#task.task.name, atMs: this.#options.nowMs, detail };
  }
}

/** The sandbox takes the buffers it is given. */
function copyBatch(batch: Batch): Batch {
  return structuredClone(batch);
}
