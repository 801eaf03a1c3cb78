/**
 * GetRecords as batches. The SDK signs, sends, and makes errors exceptions; its decoding of a page (an object, a date and a
 * byte array per record) is left out: the body becomes packed columns, aggregates taken apart.
 */

import { GetRecordsCommand, type KinesisClient } from "@aws-sdk/client-kinesis";
import { type Batch, offsetAt } from "../../engine/batch.ts";
import { type Aggregate, BrokenAggregate, MAGIC, readAggregate, type UserRecord } from "./aggregated.ts";
import type { HashRange } from "./marks.ts";
import { OFFSET_WIDTH } from "./position.ts";
import { type RowIds, RowIdsBuilder } from "./row_ids.ts";
import { SequenceWords } from "./sequence_words.ts";

/** A page of a shard. */
export interface Page {
  readonly batch: Omit<Batch, "stream" | "partition" | "next">;
  /** The sequence number of the first record; undefined when there is none. */
  readonly firstSequence: bigint | undefined;
  /** The offset of the last record; undefined when there is none. */
  readonly lastOffset: bigint | undefined;
  /** Undefined when the shard is closed and was read to its end. */
  readonly nextIterator: string | undefined;
  readonly millisBehindLatest: number;
  /** Where they were asked for. */
  readonly ids: RowIds | undefined;
}

/** How to pack a page. */
export interface PageOptions {
  readonly recordsMax: number;
  /** Takes the ids of records as well. */
  readonly takesIds: boolean;
}

interface Body {
  readonly Records: readonly {
    readonly Data: string;
    readonly PartitionKey: string;
    readonly SequenceNumber: string;
    readonly ApproximateArrivalTimestamp: number;
  }[];
  readonly NextShardIterator?: string | null;
  readonly MillisBehindLatest?: number;
}

const NOTHING = new TextEncoder().encode("{}");
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** Makes `client` good for {@linkcode getRecords}, and for nothing else. */
export function packPages(client: KinesisClient): void {
  // Next to the transport: a body that is a page is taken away before the SDK decodes it; errors pass.
  client.middlewareStack.add((next) => async (call) => {
    const result = await next(call);
    const response = result.response as { statusCode: number; body: AsyncIterable<Uint8Array> | Uint8Array };
    if (response.statusCode !== 200) return result;
    const body = await collect(response.body as AsyncIterable<Uint8Array>);
    response.body = NOTHING;
    pages.set(response, body);
    return result;
  }, { step: "deserialize", priority: "low", name: "takePage" });
  // Behind the SDK's decoding: what was taken is handed over.
  client.middlewareStack.add((next) => async (call) => {
    const result = await next(call);
    const body = pages.get(result.response as object);
    if (body) Object.assign(result.output as object, { body });
    return result;
  }, { step: "deserialize", priority: "high", name: "givePage" });
}

const pages = new WeakMap<object, Uint8Array>();

/** One page. @throws the SDK's exceptions, and {@linkcode BrokenAggregate} */
export async function getRecords(
  client: KinesisClient,
  iterator: string,
  { recordsMax, takesIds }: PageOptions,
): Promise<Page> {
  const output = await client.send(new GetRecordsCommand({ ShardIterator: iterator, Limit: recordsMax }));
  return packPage((output as unknown as { readonly body: Uint8Array }).body, takesIds);
}

/** A body that is no page: it was cut, or somebody else answered. */
export class BrokenPage extends Error {
  override readonly name = "BrokenPage";
  readonly code = "E_KINESIS_ANSWER";

  constructor(cause: Error) {
    super(`Cannot read the answer to GetRecords: ${cause.message}`, { cause });
  }
}

/**
 * A page from its JSON.
 *
 * @throws {BrokenPage} when it is none
 * @throws {BrokenAggregate} when a record is an aggregate that was made wrong
 */
export function packPage(body: Uint8Array, takesIds = false): Page {
  try {
    return pack(body, takesIds);
  } catch (error) {
    throw error instanceof BrokenAggregate ? error : new BrokenPage(error as Error);
  }
}

function pack(body: Uint8Array, takesIds: boolean): Page {
  const { Records, NextShardIterator, MillisBehindLatest = 0 } = JSON.parse(decoder.decode(body)) as Body;
  if (!Array.isArray(Records) || typeof MillisBehindLatest !== "number") {
    throw new TypeError("it is no page of records");
  }
  const packer = new PagePacker(body.length, Records.length, takesIds);
  for (const { Data, PartitionKey, SequenceNumber, ApproximateArrivalTimestamp } of Records) {
    const areTexts = typeof Data === "string" && typeof PartitionKey === "string" && typeof SequenceNumber === "string";
    if (!areTexts || typeof ApproximateArrivalTimestamp !== "number") throw new TypeError("a record lacks a part");
    packer.add(Data, PartitionKey, SequenceNumber, Math.round(ApproximateArrivalTimestamp * 1000));
  }
  return {
    ...packer.finish(),
    firstSequence: Records.length === 0 ? undefined : BigInt(Records[0].SequenceNumber),
    nextIterator: NextShardIterator ?? undefined,
    millisBehindLatest: MillisBehindLatest,
  };
}

/** Base64 is longer than what it stands for: the bytes of plain records fit into the length of their body. */
class PagePacker {
  #bytes: Uint8Array<ArrayBuffer>;
  #ranges: Uint32Array<ArrayBuffer>;
  #offsetWords: Uint32Array<ArrayBuffer>;
  #timesMs: Float64Array<ArrayBuffer>;
  readonly #ids: RowIdsBuilder | undefined;
  #count = 0;
  readonly #sequence = new SequenceWords();
  #at = 0;

  constructor(bytesMax: number, records: number, takesIds: boolean) {
    this.#ids = takesIds ? new RowIdsBuilder() : undefined;
    this.#bytes = new Uint8Array(bytesMax);
    this.#ranges = new Uint32Array(4 * records);
    this.#offsetWords = new Uint32Array(OFFSET_WIDTH * records);
    this.#timesMs = new Float64Array(records);
  }

  add(base64: string, key: string, sequence: string, timeMs: number): void {
    const start = this.#at;
    const needed = start + base64.length + 3 * key.length;
    if (needed > this.#bytes.length) this.#growBytes(needed);
    const { written } = this.#bytes.subarray(start).setFromBase64(base64);
    this.#sequence.take(sequence);
    if (this.#bytes[start] === MAGIC[0]) {
      const inside = readAggregate(this.#bytes.slice(start, start + written));
      if (inside) return this.#addAggregate(inside, timeMs);
    }
    this.#ids?.addNone();
    const keyStart = start + written;
    this.#at = keyStart + this.#encodeKey(key, keyStart);
    this.#addRow(keyStart, start, 0, timeMs);
  }

  /** Most keys are short and plain: for them a loop is faster than an encoder. */
  #encodeKey(key: string, at: number): number {
    for (let i = 0; i < key.length; i++) {
      const unit = key.charCodeAt(i);
      if (unit > 127) return encoder.encodeInto(key, this.#bytes.subarray(at)).written;
      this.#bytes[at + i] = unit;
    }
    return key.length;
  }

  #addAggregate({ records, hashKeys }: Aggregate, timeMs: number): void {
    this.#ids?.begin(rangeOf(hashKeys));
    records.forEach((record, sub) => {
      this.#addUserRecord(record, sub, timeMs);
      if (record.id) this.#ids?.add(record.id, record.key);
      else this.#ids?.addNone();
    });
  }

  #addUserRecord({ key, value }: UserRecord, sub: number, timeMs: number): void {
    const start = this.#put(value);
    this.#addRow(this.#put(key), start, sub, timeMs);
  }

  #put(bytes: Uint8Array): number {
    const start = this.#at;
    if (start + bytes.length > this.#bytes.length) this.#growBytes(start + bytes.length);
    this.#bytes.set(bytes, start);
    this.#at += bytes.length;
    return start;
  }

  /** Value and key lie one behind the other, up to where the next record begins. */
  #addRow(keyStart: number, valueStart: number, sub: number, timeMs: number): void {
    if (this.#count === this.#timesMs.length) this.#grow();
    const row = this.#count++;
    this.#ranges[4 * row] = keyStart;
    this.#ranges[4 * row + 1] = this.#at;
    this.#ranges[4 * row + 2] = valueStart;
    this.#ranges[4 * row + 3] = keyStart;
    this.#sequence.write(this.#offsetWords, row, sub);
    this.#timesMs[row] = timeMs;
  }

  /** The records of an aggregate share their keys; here each has its own. */
  #growBytes(needed: number): void {
    const larger = new Uint8Array(2 * needed);
    larger.set(this.#bytes);
    this.#bytes = larger;
  }

  /** Aggregates hold more records than the page says. */
  #grow(): void {
    const rows = Math.max(16, 2 * this.#count);
    const grown = <T extends Uint32Array<ArrayBuffer> | Float64Array<ArrayBuffer>>(larger: T, column: T): T => {
      larger.set(column);
      return larger;
    };
    this.#ranges = grown(new Uint32Array(4 * rows), this.#ranges);
    this.#offsetWords = grown(new Uint32Array(OFFSET_WIDTH * rows), this.#offsetWords);
    this.#timesMs = grown(new Float64Array(rows), this.#timesMs);
  }

  finish(): Pick<Page, "batch" | "lastOffset" | "ids"> {
    const count = this.#count;
    const batch = {
      count,
      bytes: this.#bytes.slice(0, this.#at),
      ranges: this.#ranges.slice(0, 4 * count),
      offsetWords: this.#offsetWords.slice(0, OFFSET_WIDTH * count),
      offsetWidth: OFFSET_WIDTH,
      eventTimesMs: this.#timesMs.slice(0, count),
    };
    return { batch, lastOffset: count === 0 ? undefined : offsetAt(batch, count - 1), ids: this.#ids?.finish() };
  }
}

/** The hash keys that our sink made an aggregate for. */
function rangeOf(hashKeys: readonly Uint8Array[]): HashRange | undefined {
  if (hashKeys.length !== 2) return undefined;
  const [start, end] = hashKeys.map((text) => BigInt(decoder.decode(text)));
  return [start, end];
}

async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(chunk);
  const all = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return all;
}
