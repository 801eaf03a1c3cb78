/**
 * Redis streams: offsets are ids, event times are the times of ids.
 *
 * Read by range after a position, without a consumer group: nothing is lost on quiet streams, and nothing is written to
 * the source. Every read begins with the entry that was read last, which proves that nothing behind it was trimmed; when
 * that entry is gone, the server's counters tell (`stream_position.ts`).
 */

import { type Batch, rowsWithin, sliceBatch } from "../../engine/batch.ts";
import { type ReadLimit, type ReadResult, type Source, SourceError, type SourcePartition } from "../source.ts";
import { until } from "../until.ts";
import { Connection, type ServerAddress } from "./protocol/connection.ts";
import {
  type EntryColumns,
  type EntryFields,
  idOf,
  lastOffset,
  OFFSET_WIDTH,
  offsetOf,
  readEntries,
  withoutFirst,
} from "./protocol/entries.ts";
import { encodeCommands, ReplyReader, type Word } from "./protocol/resp.ts";
import {
  anchorOf,
  positionOf,
  prove,
  readCounters,
  type StreamCounters,
  type StreamPosition,
} from "./stream_position.ts";

/** Where a run that reads a stream for the first time begins. */
export type RedisStart = "earliest" | "latest" | { readonly timeMs: number } | { readonly id: string };

/** How to read streams. */
export interface RedisSourceOptions {
  readonly address: ServerAddress;
  /** Keys of streams. */
  readonly streams: readonly string[];
  /** Which fields of an entry are the record. */
  readonly fields: EntryFields;
  /** Whether streams end where they end now. */
  readonly isBounded: boolean;
  /** Where a run that has not read a stream yet begins. */
  readonly start: RedisStart;
}

/** More at once would keep the server from its other clients for more than some milliseconds. */
const COUNT_MAX = 4_000;
/** How long the server may hold a request that waits for entries. */
const BLOCK_MS = 500;
const PARTITION = "0";

/** What was read at a position. */
interface Read {
  readonly entries: EntryColumns;
  /** How many entries had ever been added before the first of them. */
  readonly ordinal: number;
}

/** See the module. */
export class RedisSource implements Source {
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime = true;
  readonly #options: RedisSourceOptions;
  readonly #reading: Connection;
  /** Blocked while it waits for entries. */
  readonly #waiting: Connection;
  /** Stream → the entry that was read last, and the position behind it. */
  readonly #read = new Map<string, StreamPosition>();
  /** Stream → where it was last read, whether or not anything was there. */
  readonly #asked = new Map<string, bigint>();
  /** Stream → where it ends, when it is bounded. */
  readonly #ends = new Map<string, bigint>();
  #woken: Promise<void> | undefined;

  private constructor(options: RedisSourceOptions, reading: Connection, waiting: Connection) {
    this.#options = options;
    this.#reading = reading;
    this.#waiting = waiting;
    const { address, streams } = options;
    const server = "path" in address ? address.path : `${address.host}:${address.port}`;
    this.identity = `redis:${server}/${address.db ?? 0}/${streams.join(",")}`;
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when the server cannot be reached
   */
  static async open(options: RedisSourceOptions): Promise<RedisSource> {
    try {
      const reading = await Connection.open(options.address);
      return new RedisSource(options, reading, await Connection.open(options.address));
    } catch (cause) {
      const [stream] = options.streams;
      const message = `Cannot read Redis stream ${stream}: ${(cause as Error).message}`;
      throw new SourceError(message, { code: "E_SOURCE_UNREADABLE", stream, cause });
    }
  }

  partitions(): Promise<readonly SourcePartition[]> {
    return Promise.resolve(this.#options.streams.toSorted().map((stream) => ({ stream, partition: PARTITION })));
  }

  async start(at: SourcePartition): Promise<bigint> {
    const { start } = this.#options;
    if (start === "earliest") return 0n;
    if (start === "latest") return await this.latest(at);
    return offsetOf("id" in start ? start.id : `${start.timeMs}-0`);
  }

  async latest({ stream }: SourcePartition): Promise<bigint> {
    const counters = await this.#counters(stream);
    return counters ? offsetOf(counters.lastId) + 1n : 0n;
  }

  async verify(at: SourcePartition, position: bigint, anchor: string | undefined): Promise<void> {
    if (anchor === undefined) return;
    const from = positionOf(anchor);
    const proof = prove(from, await this.#counters(at.stream));
    // What was trimmed is told by the first read, and may be accepted.
    if (proof.kind === "changed") throw otherStream(at, position, proof.reason);
    this.#read.set(at.stream, from);
  }

  async read(at: SourcePartition, from: bigint, { recordsMax, bytesMax }: ReadLimit): Promise<ReadResult> {
    this.#asked.set(at.stream, from);
    const end = this.#options.isBounded ? await this.#endOf(at) : undefined;
    if (end !== undefined && from >= end) return { kind: "ended" };
    const found = await this.#readAt(at, from, Math.min(recordsMax, COUNT_MAX));
    if ("kind" in found) return found;
    const whole = batchOf(at, found);
    const rows = whole.count === 0 ? 0 : rowsWithin(before(whole, end), { recordsMax, bytesMax });
    if (rows === 0) return { kind: end === undefined ? "idle" : "ended" };
    const batch = withAnchor(rows === whole.count ? whole : sliceBatch(whole, 0, rows), found.ordinal);
    this.#read.set(at.stream, positionOf(batch.anchor!));
    return { kind: "batch", batch };
  }

  waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    this.#woken ??= this.#block(at).finally(() => this.#woken = undefined);
    return until(this.#woken, signal);
  }

  close(): Promise<void> {
    this.#reading.close();
    this.#waiting.close();
    return Promise.resolve();
  }

  /** Another partition may be asked for meanwhile: none waits for longer than the server does. */
  async #block(at: readonly SourcePartition[]): Promise<void> {
    const streams = at.map(({ stream }) => stream);
    const ids = streams.map((stream) => idBefore(this.#asked.get(stream) ?? 0n));
    const command: Word[] = ["XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", ...streams, ...ids];
    await this.#waiting.request(encodeCommands([command]));
  }

  async #readAt(at: SourcePartition, from: bigint, count: number): Promise<ReadResult | Read> {
    const known = this.#read.get(at.stream);
    if (!known || offsetOf(known.id) + 1n !== from) return await this.#readUnproven(at, from, count);
    const reply = await this.#reading.request(
      encodeCommands([["XRANGE", at.stream, known.id, "+", "COUNT", count + 1]]),
    );
    const entries = readEntries(reply, new ReplyReader(reply), this.#options.fields);
    const isAnchored = entries.count > 0 && lastOffset(entries, 1) === offsetOf(known.id);
    if (!isAnchored) return await this.#readByCounters(at, known, count);
    return { entries: withoutFirst(entries), ordinal: known.ordinal };
  }

  /** At the start of a run nothing has been read that could be missing. */
  async #readUnproven(at: SourcePartition, from: bigint, count: number): Promise<Read> {
    const { counters, entries } = await this.#rangeAndCounters(at.stream, idOf(from), count);
    if (!counters) return { entries, ordinal: 0 };
    // Behind the end of the stream nothing was added; in the middle of it, its first entry is the last that is known.
    const isAtEnd = entries.count < count;
    return { entries, ordinal: counters.entriesAdded - (isAtEnd ? entries.count : counters.length) };
  }

  async #readByCounters(at: SourcePartition, known: StreamPosition, count: number): Promise<ReadResult | Read> {
    const { counters, entries } = await this.#rangeAndCounters(at.stream, `(${known.id}`, count);
    const proof = prove(known, counters);
    const position = offsetOf(known.id) + 1n;
    switch (proof.kind) {
      case "whole":
        return { entries, ordinal: known.ordinal };
      case "trimmed":
        return { kind: "gap", to: max(offsetOf(proof.firstId), position), reason: proof.reason };
      case "changed":
        throw otherStream(at, position, proof.reason);
      default:
        return proof satisfies never;
    }
  }

  /** In one step: taken one after the other, they would not fit together. */
  async #rangeAndCounters(stream: string, from: string, count: number) {
    const range: Word[] = ["XRANGE", stream, from, "+", "COUNT", count];
    const reply = await this.#reading.request(
      encodeCommands([["MULTI"], ["XINFO", "STREAM", stream], range, ["EXEC"]]),
      4,
    );
    const reader = new ReplyReader(reply);
    for (let queued = 0; queued < 3; queued++) reader.next();
    reader.enter();
    const counters = readCounters(reader.next());
    return { counters, entries: readEntries(reply, reader, this.#options.fields) };
  }

  async #counters(stream: string): Promise<StreamCounters | undefined> {
    const reply = await this.#reading.request(encodeCommands([["XINFO", "STREAM", stream]]));
    return readCounters(new ReplyReader(reply).next());
  }

  async #endOf(at: SourcePartition): Promise<bigint> {
    const end = this.#ends.get(at.stream) ?? await this.latest(at);
    this.#ends.set(at.stream, end);
    return end;
  }
}

function idBefore(position: bigint): string {
  return idOf(position === 0n ? 0n : position - 1n);
}

function batchOf({ stream, partition }: SourcePartition, { entries }: Read): Batch {
  const next = entries.count === 0 ? 0n : lastOffset(entries) + 1n;
  return { stream, partition, ...entries, offsetWidth: OFFSET_WIDTH, next };
}

/** The rows of `batch` before `end`. */
function before(batch: Batch, end: bigint | undefined): Batch {
  if (end === undefined || batch.next <= end) return batch;
  let rows = batch.count;
  while (rows > 0 && lastOffset(batch, rows) >= end) rows--;
  return sliceBatch(batch, 0, rows);
}

/** The position is right behind the last row: the id that comes next is not known before it is there. */
function withAnchor(batch: Batch, ordinal: number): Batch {
  const last = lastOffset(batch);
  return { ...batch, next: last + 1n, anchor: anchorOf({ id: idOf(last), ordinal: ordinal + batch.count }) };
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function otherStream({ stream, partition }: SourcePartition, position: bigint, reason: string): SourceError {
  return new SourceError(
    `Cannot go on reading Redis stream ${stream} at ${idOf(position)}: ${reason}. Start a run with another --name`,
    { code: "E_SOURCE_CHANGED", stream, partition, offset: position },
  );
}
