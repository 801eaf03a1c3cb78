/**
 * One shard, read from a position on: iterators are made anew when they are too old, calls keep their distance, and a read
 * begins with the record that was read last, which proves that nothing behind it was removed.
 */

import {
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type KinesisClient,
} from "@aws-sdk/client-kinesis";
import { type Batch, offsetAt, sliceBatch } from "../../engine/batch.ts";
import { isNamed } from "./client.ts";
import { getRecords, type Page } from "./packed_pages.ts";
import { type Place, placeOf, SHARD_END } from "./position.ts";

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
}

/** What one read found. */
export type ShardRead =
  | { readonly kind: "batch"; readonly batch: Batch }
  /** Nothing now, or it is too early to ask; `isAtEnd` when there is nothing more so far. */
  | { readonly kind: "idle"; readonly isAtEnd: boolean }
  | { readonly kind: "closed" }
  /** The record that was read last is gone: whether others behind it are, nobody can tell. */
  | { readonly kind: "gone" };

/** A page holds no more than that, whatever is asked for. */
const PAGE_RECORDS_MAX = 10_000;

/** See the module. */
export class ShardReader {
  readonly #options: ShardReaderOptions;
  #position: bigint | undefined;
  #iterator: string | undefined;
  /** Read, and not yet given away. */
  #held: Batch | undefined;
  #isClosed = false;
  #isAtEnd = false;
  /** Looks for the first records behind a position: pages may be empty before them, and what is there is waited for. */
  #isSought = false;
  #nextCallMs = 0;

  constructor(options: ShardReaderOptions) {
    this.#options = options;
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

  #seek(from: bigint): void {
    this.#position = from;
    this.#iterator = undefined;
    this.#held = undefined;
    this.#isClosed = false;
    this.#isAtEnd = false;
    this.#isSought = true;
  }

  /** Whether the shard still has what the position says. */
  async #fetch(from: bigint): Promise<boolean> {
    const place = placeOf(from);
    const mustProve = this.#iterator === undefined && place.kind === "record";
    const page = await this.#page(place);
    if (page === undefined) return false;
    if (mustProve && place.kind === "record" && page.firstSequence !== place.sequence) {
      // An empty page says nothing yet: AWS gives some before it finds what is there.
      if (page.firstSequence !== undefined || page.millisBehindLatest === 0) return false;
      this.#iterator = undefined;
      return true;
    }
    this.#hold(page, from);
    return true;
  }

  #hold({ batch, lastOffset, nextIterator, millisBehindLatest }: Page, from: bigint): void {
    const { stream, shard } = this.#options;
    this.#iterator = nextIterator;
    this.#isClosed = nextIterator === undefined;
    this.#isAtEnd = millisBehindLatest === 0;
    const next = this.#isClosed ? SHARD_END : lastOffset === undefined ? from : lastOffset + 1n;
    if (batch.count === 0 && !this.#isClosed) return;
    const whole: Batch = { ...batch, stream, partition: shard, next };
    const skipped = rowsBefore(whole, from);
    if (skipped === batch.count && !this.#isClosed) return;
    this.#held = skipped === 0 ? whole : sliceBatch(whole, skipped, whole.count);
  }

  async #page(place: Place): Promise<Page | undefined> {
    try {
      this.#iterator ??= await this.#openIterator(place);
      if (this.#iterator === undefined) return undefined;
      return await getRecords(this.#options.pages, this.#iterator, PAGE_RECORDS_MAX);
    } catch (error) {
      if (!isNamed(error, "ExpiredIteratorException")) throw error;
      // The next read makes another, at the record that was read last.
      this.#iterator = undefined;
      throw error;
    } finally {
      this.#nextCallMs = performance.now() + this.#options.callEveryMs;
    }
  }

  /** Undefined when the record is not there. */
  async #openIterator(place: Place): Promise<string | undefined> {
    const { client, stream, shard } = this.#options;
    const from = { StreamName: stream, ShardId: shard, ...iteratorType(place) };
    try {
      return (await client.send(new GetShardIteratorCommand(from))).ShardIterator;
    } catch (error) {
      const isGone = place.kind === "record" &&
        (isNamed(error, "ResourceNotFoundException") || isNamed(error, "InvalidArgumentException"));
      if (isGone) return undefined;
      throw error;
    }
  }
}

type IteratorType = Pick<GetShardIteratorCommandInput, "ShardIteratorType" | "StartingSequenceNumber" | "Timestamp">;

function iteratorType(place: Place): IteratorType {
  switch (place.kind) {
    case "horizon":
    case "end":
      return { ShardIteratorType: "TRIM_HORIZON" };
    case "time":
      return { ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(place.timeMs) };
    case "record":
      return { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: String(place.sequence) };
    default:
      return place satisfies never;
  }
}

/** Rows that are behind `from`: the record that was read last, and what came before it in the same aggregate. */
function rowsBefore(batch: Batch, from: bigint): number {
  let rows = 0;
  while (rows < batch.count && offsetAt(batch, rows) < from) rows++;
  return rows;
}
