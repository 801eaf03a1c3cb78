/**
 * One shard, read from a position on: iterators are made anew when they are too old, and calls keep their distance.
 *
 * A read begins with the record that was read last. Trimming goes by age: while that one is there, all behind it is. When it
 * is gone, nothing is lost if all that had arrived until a time younger than the retention was read (anchor.ts); an idle
 * shard says so from time to time by a batch without records. Otherwise the reader says that records may be gone. The same
 * goes for a shard of which nothing was read yet, once it is known since when it is to be read.
 */

import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { type Batch, emptyBatch, offsetAt, sliceBatch } from "../../engine/batch.ts";
import { type Anchor, anchorText } from "./anchor.ts";
import { isNamed } from "../aws.ts";
import type { HashRange } from "./marks.ts";
import { openIterator } from "./iterators.ts";
import { getRecords, type Page } from "./packed_pages.ts";
import { type Place, placeOf, SHARD_END, TRIM_HORIZON } from "./position.ts";
import { RepeatFilter } from "./repeats.ts";

/** What every reader of a stream shares. */
export interface ShardClients {
  /** For everything but GetRecords. */
  readonly client: KinesisClient;
  /** Went through `packPages`. */
  readonly pages: KinesisClient;
}

/** What a reader is given. */
export interface ShardReaderOptions extends ShardClients {
  readonly stream: string;
  readonly shard: string;
  /** Between two calls: a shard answers five a second, all readers together. */
  readonly callEveryMs: number;
  /** Leaves out repeats; these are the shard's hash keys. */
  readonly withoutRepeats?: () => HashRange;
  /** When the stream was created. */
  readonly createdMs: number;
  /** How long records are kept, as of now. */
  readonly retentionMs: () => Promise<number>;
  /** The time, as the service has it. */
  readonly nowMs: () => number;
}

/** What one read found. */
export type ShardRead =
  | { readonly kind: "batch"; readonly batch: Batch }
  /** Nothing now, or it is too early to ask; `isAtEnd` when there is nothing more so far. */
  | { readonly kind: "idle"; readonly isAtEnd: boolean }
  | { readonly kind: "closed" }
  /** What stands for all behind it is gone, the record that was read last as a rule: nobody can tell what else is. */
  | { readonly kind: "gone" };

/** A page holds no more than that, whatever is asked for. */
const PAGE_RECORDS_MAX = 10_000;
/** How old what is known of an idle shard may become: far less than the shortest retention, a day. */
const UNTIL_AGE_MS_MAX = 3_600_000;
/** How far clocks may be apart. */
const CLOCK_SKEW_MS_MAX = 300_000;

/** See the module. */
export class ShardReader {
  readonly #options: ShardReaderOptions;
  #position: bigint | undefined;
  #iterator: string | undefined;
  /** Read, and not yet given away. */
  #held: Batch | undefined;
  #isClosed = false;
  #isAtEnd = false;
  /** Looks for records: pages may be empty before them, and what is there is waited for. */
  #isSought = false;
  #nextCallMs = 0;
  readonly #repeats: RepeatFilter | undefined;
  /** All that had arrived until then was read at `position`; at the end, a time at which the shard was open. */
  #until: { readonly position: bigint; readonly untilMs: number | undefined } | undefined;
  /** What a batch said of it last. */
  #saidUntilMs = 0;
  /** How far behind the end of the shard the last page was. */
  behindMs = 0;

  constructor(options: ShardReaderOptions) {
    this.#options = options;
    this.#repeats = options.withoutRepeats && new RepeatFilter(options.withoutRepeats);
  }

  /** Notes what the journal knows of `position`. */
  know(position: bigint, { untilMs, marks }: Anchor): void {
    if (marks) this.#repeats?.know(position, marks);
    this.#until = { position, untilMs };
  }

  /** The anchor of a position inside of what was given away. */
  anchorAt(position: bigint): string {
    return anchorText({ createdMs: this.#options.createdMs, marks: this.#repeats?.marksAt(position) });
  }

  /** Nobody goes back behind `position` any more. */
  release(position: bigint): void {
    this.#repeats?.release(position);
  }

  /** What it found out before does not count at the next read. */
  forget(): void {
    this.#isSought = true;
  }

  /** When it may be asked again, on the clock of `performance.now()`. */
  get nextCallMs(): number {
    return this.#held ? 0 : this.#nextCallMs;
  }

  /** Reads from `from` on. @throws the SDK's exceptions */
  async read(from: bigint): Promise<ShardRead> {
    if (placeOf(from).kind === "end") return { kind: "closed" };
    if (from !== this.#position) this.#seek(from);
    while (!this.#held) {
      if (this.#isClosed) return { kind: "closed" };
      const leftMs = this.#nextCallMs - performance.now();
      if (this.#isSought && leftMs > 0) await new Promise((resolve) => setTimeout(resolve, leftMs));
      else if (leftMs > 0) return { kind: "idle", isAtEnd: this.#isAtEnd };
      if (!await this.#fetch(from)) return { kind: "gone" };
      this.#isSought &&= !this.#isAtEnd;
      this.#noteIdle(from);
      if (!this.#held && !this.#isSought && !this.#isClosed) return { kind: "idle", isAtEnd: this.#isAtEnd };
    }
    this.#isSought = false;
    return { kind: "batch", batch: this.#held };
  }

  /** The first `rows` rows of what was read go to the caller; the rest is held. */
  take(rows: number): Batch {
    const batch = this.#held!;
    const taken = rows === batch.count ? batch : sliceBatch(batch, 0, rows);
    this.#held = rows === batch.count ? undefined : sliceBatch(batch, rows, batch.count);
    this.#position = taken.next;
    return taken;
  }

  /** The shard is idle, and what the journal knows of it becomes old. */
  #noteIdle(from: bigint): void {
    const isOld = (this.#until?.untilMs ?? NaN) - this.#saidUntilMs > UNTIL_AGE_MS_MAX;
    if (this.#held || this.#isClosed || !this.#isAtEnd || !isOld) return;
    const { stream, shard } = this.#options;
    this.#held = { ...emptyBatch({ stream, partition: shard }, from), anchor: this.#anchor() };
  }

  /** The anchor behind the last page. */
  #anchor(): string {
    const { position, untilMs } = this.#until!;
    this.#saidUntilMs = untilMs ?? this.#options.nowMs();
    return anchorText({ createdMs: this.#options.createdMs, untilMs, marks: this.#repeats?.marksAt(position) });
  }

  #seek(from: bigint): void {
    this.#position = from;
    this.#repeats?.seek(from);
    const untilMs = this.#until?.position === from ? this.#until.untilMs : undefined;
    this.#saidUntilMs = untilMs ?? this.#options.nowMs();
    this.#iterator = undefined;
    this.#held = undefined;
    this.#isClosed = false;
    this.#isAtEnd = false;
    this.#isSought = true;
  }

  /** Whether nothing between the position and what is there was lost. */
  async #fetch(from: bigint): Promise<boolean> {
    const place = placeOf(from);
    const mustProve = this.#iterator === undefined && place.kind === "record";
    if (this.#iterator === undefined && this.#isAhead(place)) return this.#waitABit();
    if (this.#iterator === undefined && place.kind !== "record" && await this.#isOverdue(from)) return false;
    const page = await this.#page(place).catch((error) => {
      // The service's clock is behind ours: it does not know that time yet.
      if (isNamed(error, "InvalidArgumentException") && this.#isRecent(place)) return "early" as const;
      throw error;
    });
    if (page === "early") return this.#waitABit();
    if (mustProve && place.kind === "record" && page?.firstSequence !== place.sequence) {
      // An empty page says nothing yet: AWS gives some before it finds what is there.
      const isNothingYet = page !== undefined && page.firstSequence === undefined && page.millisBehindLatest > 0;
      this.#iterator = undefined;
      if (isNothingYet) return true;
      if (!await this.#isAllReadBefore(from)) return false;
      this.#iterator = await openIterator(this.#options, placeOf(TRIM_HORIZON));
      return true;
    }
    if (page === undefined) return false;
    this.#hold(page, from);
    return true;
  }

  /** A time that is still to come. */
  #isAhead(place: Place): boolean {
    return place.kind === "time" && place.timeMs > this.#options.nowMs();
  }

  #isRecent(place: Place): boolean {
    return place.kind === "time" && this.#options.nowMs() - place.timeMs < CLOCK_SKEW_MS_MAX;
  }

  /** Nothing is there so far. */
  #waitABit(): true {
    this.#isAtEnd = true;
    this.#nextCallMs = performance.now() + this.#options.callEveryMs;
    return true;
  }

  /** Whether all that retention may have removed was read before: `from` is the position behind it. */
  async #isAllReadBefore(from: bigint): Promise<boolean> {
    if (this.#until?.position !== from || this.#until.untilMs === undefined) return false;
    const removedMs = this.#options.nowMs() - await this.#options.retentionMs();
    return this.#until.untilMs > removedMs + CLOCK_SKEW_MS_MAX;
  }

  /** Nothing was read yet of what is to be read since a time that retention has passed. */
  async #isOverdue(from: bigint): Promise<boolean> {
    const untilMs = this.#until?.position === from ? this.#until.untilMs : undefined;
    if (untilMs === undefined || this.#options.nowMs() - untilMs < UNTIL_AGE_MS_MAX) return false;
    return !await this.#isAllReadBefore(from);
  }

  #hold({ batch, ids, lastOffset, nextIterator, millisBehindLatest }: Page, from: bigint): void {
    const { stream, shard } = this.#options;
    this.#iterator = nextIterator;
    this.#isClosed = nextIterator === undefined;
    this.#isAtEnd = millisBehindLatest === 0;
    this.behindMs = millisBehindLatest;
    const next = this.#isClosed ? SHARD_END : lastOffset === undefined || lastOffset < from ? from : lastOffset + 1n;
    const untilMs = this.#isClosed ? this.#openMs(batch) : this.#options.nowMs() - millisBehindLatest;
    this.#until = { position: next, untilMs };
    if (next === from) return;
    const whole: Batch = { ...batch, stream, partition: shard, next };
    const skipped = rowsBefore(whole, from);
    const fresh = skipped === 0 ? whole : sliceBatch(whole, skipped, whole.count);
    const held = this.#repeats && ids ? this.#repeats.filter(whole, fresh, ids) : fresh;
    this.#held = { ...held, anchor: this.#anchor() };
  }

  /** The last time at which the shard is known to have been open; the shards behind it have records since then. */
  #openMs({ count, eventTimesMs }: Page["batch"]): number | undefined {
    const timesMs = [this.#until?.untilMs, eventTimesMs?.[count - 1]].filter((timeMs) => timeMs !== undefined);
    return timesMs.length === 0 ? undefined : Math.max(...timesMs);
  }

  async #page(place: Place): Promise<Page | undefined> {
    try {
      this.#iterator ??= await openIterator(this.#options, place);
      if (this.#iterator === undefined) return undefined;
      const options = { recordsMax: PAGE_RECORDS_MAX, takesIds: this.#repeats !== undefined };
      const page = await getRecords(this.#options.pages, this.#iterator, options);
      // After an error whoever waits decides when: it is no answer, and must not look like a quiet shard.
      this.#nextCallMs = performance.now() + this.#options.callEveryMs;
      return page;
    } catch (error) {
      // The next read makes another, at the record that was read last.
      if (isNamed(error, "ExpiredIteratorException")) this.#iterator = undefined;
      throw error;
    }
  }
}

/** Rows that are behind `from`: the record that was read last, and what came before it in the same aggregate. */
function rowsBefore(batch: Batch, from: bigint): number {
  let rows = 0;
  while (rows < batch.count && offsetAt(batch, rows) < from) rows++;
  return rows;
}
