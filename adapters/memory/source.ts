/** Streams in memory, for tests, simulation and the first minutes with the library. */

import { ABSENT, type Batch, rowsWithin, sliceBatch, writeOffset } from "../../engine/batch.ts";
import type { HeaderColumns } from "../../engine/headers.ts";
import type { ReadLimit, ReadResult, Source, SourcePartition } from "../source.ts";

/** A record to be read from memory. */
export interface MemoryRecord {
  /** Its key, if any. */
  readonly key?: string | null;
  /** The payload as it would be on the wire, such as JSON text. */
  readonly value: string | Uint8Array | null;
  /** Milliseconds since the epoch. */
  readonly eventTimeMs?: number;
  /** What travels beside key and value. */
  readonly headers?: readonly (readonly [name: string, value: string | Uint8Array | null])[];
  /** Its index in the partition unless given; offsets must rise. */
  readonly offset?: bigint;
}

const OFFSET_WIDTH = 2;

/** See the module. */
export class MemorySource implements Source {
  /** The name of its one stream. */
  readonly stream: string;
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime: boolean;
  readonly #partitions: ReadonlyMap<string, MemoryRecord[]>;
  #isBounded: boolean;
  #wake: () => void = () => {};

  /**
   * A stream of that name.
   *
   * @param partitions partition → its records; a bounded source ends after them
   */
  constructor(stream: string, partitions: Readonly<Record<string, readonly MemoryRecord[]>>, isBounded = true) {
    this.stream = stream;
    this.identity = `memory:${stream}`;
    this.#partitions = new Map(Object.entries(partitions).map(([name, records]) => [name, [...records]]));
    this.hasEventTime = [...this.#partitions.values()].flat().some(({ eventTimeMs }) => eventTimeMs !== undefined);
    this.#isBounded = isBounded;
  }

  /** Adds a record at the end of `partition`. */
  push(partition: string, record: MemoryRecord): void {
    this.#records(partition).push(record);
    this.#wake();
  }

  /** Ends the stream. */
  end(): void {
    this.#isBounded = true;
    this.#wake();
  }

  partitions(): Promise<readonly SourcePartition[]> {
    const names = [...this.#partitions.keys()].sort();
    return Promise.resolve(names.map((partition) => ({ stream: this.stream, partition })));
  }

  start(): Promise<bigint> {
    return Promise.resolve(0n);
  }

  verify(): Promise<void> {
    return Promise.resolve();
  }

  read({ partition }: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const records = this.#records(partition).map((record, index) => ({
      ...record,
      offset: record.offset ?? BigInt(index),
    }));
    const found = records.filter(({ offset }) => offset >= from).slice(0, limit.recordsMax);
    if (found.length === 0) return Promise.resolve({ kind: this.#isBounded ? "ended" : "idle" });
    const batch = packRecords(this.stream, partition, found);
    return Promise.resolve({ kind: "batch", batch: sliceBatch(batch, 0, rowsWithin(batch, limit)) });
  }

  waitForMore(_at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      signal.addEventListener("abort", () => resolve(), { once: true });
    });
  }

  /** Gives back what is open. */
  close(): Promise<void> {
    return Promise.resolve();
  }

  #records(partition: string): MemoryRecord[] {
    const records = this.#partitions.get(partition);
    if (!records) throw new RangeError(`Cannot use partition ${partition}: ${this.stream} has no such partition`);
    return records;
  }
}

/** Packs records into a batch. */
export function packRecords(
  stream: string,
  partition: string,
  records: readonly (MemoryRecord & { readonly offset: bigint })[],
): Batch {
  const ranges = new Uint32Array(records.length * 4);
  const offsetWords = new Uint32Array(records.length * OFFSET_WIDTH);
  const eventTimesMs = new Float64Array(records.length);
  const payload = new GrowingBytes();
  const put = (at: number, field: string | Uint8Array | null | undefined): void => {
    [ranges[at], ranges[at + 1]] = payload.add(field ?? null);
  };
  records.forEach((record, row) => {
    put(4 * row, record.key);
    put(4 * row + 2, record.value);
    writeOffset(offsetWords, OFFSET_WIDTH, row, record.offset);
    eventTimesMs[row] = record.eventTimeMs ?? NaN;
  });
  return {
    stream,
    partition,
    count: records.length,
    bytes: payload.take(),
    ranges,
    offsetWords,
    offsetWidth: OFFSET_WIDTH,
    eventTimesMs,
    ...(records.some(({ headers }) => headers) ? { headers: packHeaders(records) } : {}),
    next: records[records.length - 1].offset + 1n,
  };
}

function packHeaders(records: readonly MemoryRecord[]): HeaderColumns {
  const bytes = new GrowingBytes();
  const ranges: number[] = [];
  const starts = [0];
  for (const { headers = [] } of records) {
    for (const header of headers) for (const field of header) ranges.push(...bytes.add(field));
    starts.push(ranges.length / 4);
  }
  return { bytes: bytes.take(), starts: Uint32Array.from(starts), ranges: Uint32Array.from(ranges) };
}

/** A code unit of text becomes three bytes at most. */
const UNIT_BYTES_MAX = 3;

/** Fields, one behind the other. */
class GrowingBytes {
  readonly #encoder = new TextEncoder();
  #bytes = new Uint8Array(1024);
  #length = 0;

  /** Where the field begins and ends. */
  add(field: string | Uint8Array | null): readonly [from: number, to: number] {
    if (field === null) return [ABSENT, ABSENT];
    const from = this.#length;
    if (typeof field === "string") {
      this.#reserve(field.length * UNIT_BYTES_MAX);
      this.#length += this.#encoder.encodeInto(field, this.#bytes.subarray(from)).written;
    } else {
      this.#reserve(field.length);
      this.#bytes.set(field, from);
      this.#length += field.length;
    }
    return [from, this.#length];
  }

  #reserve(bytes: number): void {
    const needed = this.#length + bytes;
    if (needed <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(needed, 2 * this.#bytes.length)));
  }

  take(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length);
  }
}
