/** The journal of one task in SQLite. */

import type { Receipt } from "../../adapters/sink.ts";
import type { Batch } from "../../engine/batch.ts";
import { packBatch, unpackBatch } from "../../formats/packed_batch.ts";
import type { TaskState } from "../sandbox/protocol.ts";
import type { Database, Row } from "./database.ts";
import {
  type AdoptedTask,
  type Epoch,
  type FeedEntry,
  type JournaledEffect,
  JournalError,
  type PreparedFeed,
  type Progress,
  REWOUND_TO,
  type SnapshotPart,
  type Task,
  type TaskJournal,
  UNSETTLED_FEEDS_MAX,
} from "./journal.ts";
import { epochFrom, feedFrom, feedRow, progressFrom, progressJson, stateFrom, stateRow, toJson } from "./rows.ts";

type Receipts = Readonly<Record<string, Receipt>>;

/** The tables that have rows of a task's feeds. Dead letters stay: they were put aside here. */
const OF_FEEDS = [
  "feeds",
  "settlements",
  "progress",
  "unit_digests",
  "state_changes",
  "snapshots",
  "effects",
  "inputs",
];

/** See {@linkcode TaskJournal}. */
export class SqliteTaskJournal implements TaskJournal {
  readonly task: Task;
  readonly #database: Database;
  readonly #settled = new Map<number, Receipts>();

  constructor(database: Database, task: Task) {
    this.#database = database;
    this.task = task;
  }

  lastFeed(): FeedEntry | undefined {
    const row = this.#database.one("SELECT * FROM feeds WHERE task = ? ORDER BY seq DESC LIMIT 1", this.task.id);
    return row && this.#feed(row);
  }

  progress(): ReadonlyMap<string, Progress> {
    const row = this.#database.one("SELECT * FROM progress WHERE task = ?", this.task.id);
    const last = this.#lastSeq();
    // Rows can vanish with a damaged index, which no checksum of a row tells.
    if (row?.seq !== last) throw this.#missing(`the progress of feed ${last}`);
    return row ? progressFrom(String(row.positions)) : new Map();
  }

  epochs(): readonly Epoch[] {
    const rows = this.#database.all("SELECT * FROM epochs WHERE task = ? ORDER BY epoch", this.task.id);
    const epochs = [...rows].map(epochFrom);
    epochs.forEach(({ epoch }, i) => {
      if (epoch !== BigInt(i)) throw this.#missing(`epoch ${i}`);
    });
    // Rows at the end, or all of them, can vanish with a damaged index: every feed had an owner.
    const last = this.#database.number("SELECT max(epoch) FROM feeds WHERE task = ?", this.task.id) ?? -1;
    if (last >= epochs.length) throw this.#missing(`epoch ${last}`);
    return epochs;
  }

  openEpoch({ openedMs, codeHash, environment, config }: Omit<Epoch, "epoch">): bigint {
    return this.#database.transaction(() => {
      const last = this.#database.number("SELECT max(epoch) FROM epochs WHERE task = ?", this.task.id) ?? -1;
      this.#database.insert("epochs", {
        task: this.task.id,
        epoch: last + 1,
        opened_ms: openedMs,
        code: codeHash,
        environment: toJson(environment),
        config: toJson(config),
      });
      return BigInt(last + 1);
    });
  }

  firstReplayable(): number {
    const first = this.#firstSeq();
    return first > 0 || this.#isLeftBehind(first) ? first + 1 : first;
  }

  /** Of the feed that stands before the first one, for its digest and time, nothing else is kept. */
  #isLeftBehind(seq: number): boolean {
    const hasFeed = this.#database.number("SELECT count(*) FROM feeds WHERE task = ? AND seq = ?", this.task.id, seq);
    const sql = "SELECT count(*) FROM state_changes WHERE task = ? AND seq = ?";
    return hasFeed === 1 && this.#database.number(sql, this.task.id, seq) === 0;
  }

  birthBefore(seq: number): number {
    const sql = "SELECT max(seq) FROM feeds WHERE task = ? AND seq <= ? AND is_reborn = 1";
    return Math.max(this.#database.number(sql, this.task.id, seq) ?? 0, this.firstReplayable());
  }

  /** Pruning leaves off at the end of a snapshot; feeds that begin anywhere else have lost some. */
  #firstSeq(): number {
    const task = this.task.id;
    const first = this.#database.number("SELECT min(seq) FROM feeds WHERE task = ?", task) ?? 0;
    const sql = "SELECT count(*) FROM snapshots WHERE task = ? AND is_last = 1 AND seq = ?";
    if (first > 0 && this.#database.number(sql, task, first) === 0) throw this.#missing(`feed ${first - 1}`);
    return first;
  }

  *feeds(from: number, to: number): Generator<FeedEntry> {
    const task = this.task.id;
    const first = Math.max(from, this.#firstSeq());
    const end = Math.min(to, (this.#lastSeq() ?? -1) + 1);
    let expected = first;
    const sql = "SELECT * FROM feeds WHERE task = ? AND seq >= ? AND seq < ? ORDER BY seq";
    for (const row of this.#database.all(sql, task, first, end)) {
      if (row.seq !== expected++) throw this.#missing(`feed ${expected - 1}`);
      yield this.#feed(row);
    }
    // A scan over a damaged index may simply end.
    if (expected < end) throw this.#missing(`feed ${expected}`);
  }

  unitDigests(seq: number): Uint32Array {
    const row = this.#database.one("SELECT * FROM unit_digests WHERE task = ? AND seq = ?", this.task.id, seq);
    if (!row) throw this.#missing(`the digests of feed ${seq}`);
    return new Uint32Array((row.digests as Uint8Array).slice().buffer);
  }

  effects(seq: number): readonly JournaledEffect[] {
    const rows = this.#database.all("SELECT * FROM effects WHERE task = ? AND seq = ? ORDER BY id", this.task.id, seq);
    return [...rows].map((row) => ({
      id: Number(row.id),
      record: Number(row.record),
      name: String(row.name),
      inputJson: String(row.input),
      ok: row.is_ok === 1,
      text: String(row.answer),
    }));
  }

  captured(seq: number): readonly Batch[] | undefined {
    const rows = this.#database.all(
      "SELECT * FROM inputs WHERE task = ? AND seq = ? ORDER BY batch",
      this.task.id,
      seq,
    );
    const batches = [...rows].map((row) => this.#unpack(row.packed, seq));
    return batches.length > 0 ? batches : undefined;
  }

  #unpack(packed: Row[string], seq: number): Batch {
    try {
      return unpackBatch(packed as Uint8Array);
    } catch (cause) {
      throw new JournalError(
        `Cannot read journal ${this.#database.path}: the inputs of feed ${seq} are damaged (${
          (cause as Error).message
        })`,
        { code: "E_JOURNAL_DAMAGED", cause },
      );
    }
  }

  changes(seq: number): TaskState {
    const row = this.#database.one("SELECT * FROM state_changes WHERE task = ? AND seq = ?", this.task.id, seq);
    if (!row) throw this.#missing(`the state changes of feed ${seq}`);
    return stateFrom(row);
  }

  *feedsNaming(key: string, from: number, to: number): Generator<number> {
    const sql = "SELECT max(seq) FROM state_changes WHERE task = ? AND seq >= ? AND seq < ? AND instr(state, ?) > 0";
    for (let end = to;;) {
      const seq = this.#database.number(sql, this.task.id, from, end, key) ?? undefined;
      if (seq === undefined) return;
      yield seq;
      end = seq;
    }
  }

  *stateBefore(seq: number): Generator<TaskState> {
    const task = this.task.id;
    // Version 0.1.0 could write an empty one that began behind the feed it was written with, and complete it.
    const beginSeq = this.#database.number(
      "SELECT max(begin_seq) FROM snapshots WHERE task = ? AND is_last = 1 AND seq < ? AND begin_seq <= seq",
      task,
      seq,
    ) ?? undefined;
    if (beginSeq !== undefined) yield* this.#snapshot(beginSeq);
    const firstChange = (beginSeq ?? -1) + 1;
    let expected = this.#database.number("SELECT min(seq) FROM state_changes WHERE task = ?", task) ?? 0;
    if (expected > firstChange) throw this.#missing(`the state before feed ${seq}, it was pruned`);
    expected = firstChange;
    const sql = "SELECT * FROM state_changes WHERE task = ? AND seq >= ? AND seq < ? ORDER BY seq";
    for (const row of this.#database.all(sql, task, firstChange, seq)) {
      if (row.seq !== expected++) throw this.#missing(`the state changes of feed ${expected - 1}`);
      yield stateFrom(row);
    }
    if (expected < seq) throw this.#missing(`the state changes of feed ${expected}`);
  }

  *#snapshot(beginSeq: number): Generator<TaskState> {
    let expected = 0;
    let isComplete = false;
    const sql = "SELECT * FROM snapshots WHERE task = ? AND begin_seq = ? ORDER BY part";
    for (const row of this.#database.all(sql, this.task.id, beginSeq)) {
      if (row.part !== expected++) throw this.#missing(`part ${expected - 1} of snapshot ${beginSeq}`);
      isComplete ||= row.is_last === 1;
      yield stateFrom(row);
    }
    if (!isComplete) throw this.#missing(`the end of snapshot ${beginSeq}`);
  }

  recordEffects(seq: number, effects: readonly JournaledEffect[]): void {
    this.#database.transaction(() => {
      for (const { id, record, name, inputJson, ok, text } of effects) {
        const row = { id, record, name, input: inputJson, is_ok: Number(ok), answer: text };
        this.#database.insert("effects", { task: this.task.id, seq, ...row }, "REPLACE");
      }
    });
  }

  prepare(feed: PreparedFeed, progress: ReadonlyMap<string, Progress>): Promise<void> {
    const durable = this.#database.durably(() => this.#writeFeed(feed, progress));
    this.#settled.clear();
    return durable;
  }

  #writeFeed(feed: PreparedFeed, progress: ReadonlyMap<string, Progress>): void {
    const task = this.task.id;
    const { seq } = feed;
    this.#writeSettlements();
    this.#database.insert("feeds", { task, ...feedRow(feed) });
    this.#database.insert("unit_digests", { task, seq, digests: bytesOf(feed.unitDigests) });
    this.#database.insert("state_changes", { task, seq, ...stateRow(feed.changes) });
    this.#database.insert("progress", { task, seq, positions: progressJson(progress) }, "REPLACE");
    if (feed.snapshotPart) this.#writeSnapshotPart(seq, feed.snapshotPart);
    this.#writeLetters(feed);
    feed.captured?.forEach((batch, index) => {
      this.#database.insert("inputs", { task, seq, batch: index, packed: packBatch(batch) }, "REPLACE");
    });
  }

  beginAt(before: FeedEntry, unitDigests: Uint32Array, state: Iterable<TaskState>): void {
    const task = this.task.id;
    const { seq } = before;
    const ranges = before.ranges.map((range) => ({ ...range, records: 0 }));
    const { givenUp: _, ...entry } = before;
    this.#database.insert("feeds", { task, ...feedRow({ ...entry, ranges, letters: 0, failures: 0 }) });
    this.#database.insert("unit_digests", { task, seq, digests: bytesOf(unitDigests) });
    this.#database.insert("settlements", { task, seq, receipts: toJson(before.receipts ?? {}) });
    let part = 0;
    for (const each of state) this.#writeSnapshotPart(seq, { beginSeq: seq, part: part++, state: each, isLast: false });
    this.#writeSnapshotPart(seq, { beginSeq: seq, part, state: NOTHING, isLast: true });
    this.#database.insert("progress", { task, seq, positions: "[]" }, "REPLACE");
  }

  adopt({ before, state, progress, feeds, unsettledMax }: AdoptedTask): void {
    this.#database.transaction(() => {
      const task = this.task.id;
      for (const table of OF_FEEDS) this.#database.run(`DELETE FROM ${table} WHERE task = ?`, task);
      this.#settled.clear();
      if (before) {
        this.beginAt(before, new Uint32Array(0), state);
        this.#database.insert("progress", { task, seq: before.seq, positions: progressJson(progress) }, "REPLACE");
      }
      feeds.forEach(({ feed, effects, progress: behind }, i) => {
        this.recordEffects(feed.seq, effects);
        this.#writeFeed(feed, behind);
        if (i < feeds.length - unsettledMax) {
          this.#database.insert("settlements", { task, seq: feed.seq, receipts: "{}" });
        }
      });
    });
  }

  settle(seq: number, receipts: Receipts): void {
    this.#settled.set(seq, receipts);
  }

  flush(): void {
    if (this.#settled.size === 0) return;
    this.#database.transaction(() => this.#writeSettlements());
    this.#settled.clear();
  }

  #writeSettlements(): void {
    for (const [seq, receipts] of this.#settled) {
      this.#database.insert("settlements", { task: this.task.id, seq, receipts: toJson(receipts) }, "REPLACE");
    }
  }

  #writeSnapshotPart(seq: number, { beginSeq, part, isLast, state }: SnapshotPart): void {
    const row: Row = {
      task: this.task.id,
      begin_seq: beginSeq,
      part,
      seq,
      is_last: Number(isLast),
      ...stateRow(state),
    };
    this.#database.insert("snapshots", row, "REPLACE");
  }

  #writeLetters({ seq, deadLetters }: PreparedFeed): void {
    let id = deadLetters.length > 0 ? this.#database.number("SELECT max(id) FROM dead_letters") ?? 0 : 0;
    for (const { range, key, value, envelope, failure } of deadLetters) {
      const { input, stream, partition, offset } = range;
      const record = { record_offset: String(offset), record_key: key, record_value: value };
      const place = { id: ++id, task: this.task.id, seq, input, stream, partition };
      this.#database.insert("dead_letters", {
        ...place,
        ...record,
        failure: toJson(envelope ? { ...failure, envelope } : failure),
      });
    }
  }

  #lastSeq(): number | undefined {
    return this.#database.number("SELECT max(seq) FROM feeds WHERE task = ?", this.task.id) ?? undefined;
  }

  #feed(row: Row): FeedEntry {
    const sql = "SELECT * FROM settlements WHERE task = ? AND seq = ?";
    const settlement = this.#database.one(sql, this.task.id, row.seq);
    const known = this.#settled.get(Number(row.seq));
    if (!known && !settlement && !this.#mayBeUnsettled(Number(row.seq))) {
      throw this.#missing(`the settlement of feed ${row.seq}`);
    }
    return feedFrom(row, known ?? (settlement && JSON.parse(String(settlement.receipts))));
  }

  /** The last feeds may be on their way to the sinks; they settle in order. */
  #mayBeUnsettled(seq: number): boolean {
    if ([...this.#settled.keys()].some((each) => each > seq)) return false;
    const settled = this.#database.number("SELECT max(seq) FROM settlements WHERE task = ?", this.task.id) ?? -1;
    if (settled > seq) return false;
    const behind = "SELECT count(*) FROM feeds WHERE task = ? AND seq > ? AND ifnull(given_up, '') NOT LIKE ?";
    return this.#database.number(behind, this.task.id, seq, `${REWOUND_TO}%`)! < UNSETTLED_FEEDS_MAX;
  }

  #missing(what: string): JournalError {
    const { path } = this.#database;
    return new JournalError(`Cannot read journal ${path}: ${what} is missing for task ${this.task.name}`, {
      code: "E_JOURNAL_INCOMPLETE",
    });
  }
}

const NO_ENTRIES = { text: "", lengths: new Int32Array(0) };
const NOTHING: TaskState = { state: NO_ENTRIES, timers: NO_ENTRIES };

function bytesOf({ buffer, byteOffset, byteLength }: Uint32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
