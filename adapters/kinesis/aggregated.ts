/**
 * Aggregated records of Amazon's Kinesis Producer Library: one Kinesis record that carries many user records.
 *
 * ```
 * F3 89 9A C2 | protobuf AggregatedRecord | MD5 of the protobuf
 *
 * message AggregatedRecord {
 *   repeated string partition_key_table = 1;
 *   repeated string explicit_hash_key_table = 2;
 *   repeated Record records = 3;
 * }
 * message Record {
 *   uint64 partition_key_index = 1;
 *   optional uint64 explicit_hash_key_index = 2;
 *   bytes data = 3;
 *   repeated Tag tags = 4;
 * }
 * message Tag { string key = 1; optional string value = 2; }
 * ```
 *
 * Our own sink puts two hash keys into their table that no record names: the range that the aggregate was made for.
 *
 * As in Amazon's own consumer, a record is aggregated only when magic and digest fit: anything else may be a user's bytes
 * that begin alike. Unlike there, no user record is dropped because its hash key belongs to another shard.
 */

import { createHash } from "node:crypto";

/** How an aggregated record begins. */
export const MAGIC: Uint8Array = Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2);
const DIGEST_BYTES = 16;

/** A user record; both are views into the aggregate. */
export interface UserRecord {
  readonly key: Uint8Array;
  readonly value: Uint8Array;
  /** The tag of our sink, where there is one. */
  readonly id: Uint8Array | undefined;
}

/** What an aggregate holds. */
export interface Aggregate {
  readonly records: readonly UserRecord[];
  readonly hashKeys: readonly Uint8Array[];
}

/** The tag that holds an output's id. */
export const ID_TAG: Uint8Array = new TextEncoder().encode("sluice");

/** An aggregate whose digest fits and whose content does not: its producer is broken, and nobody should guess. */
export class BrokenAggregate extends Error {
  override readonly name = "BrokenAggregate";
  readonly code = "E_AGGREGATE_BROKEN";
}

/**
 * What is in `record`, in order; undefined when it is a plain record.
 *
 * @throws {BrokenAggregate}
 */
export function readAggregate(record: Uint8Array): Aggregate | undefined {
  if (!beginsLikeOne(record)) return undefined;
  const message = record.subarray(MAGIC.length, -DIGEST_BYTES);
  const digest = createHash("md5").update(message).digest();
  if (!digest.equals(record.subarray(-DIGEST_BYTES))) return undefined;
  const keys: Uint8Array[] = [];
  const hashKeys: Uint8Array[] = [];
  const records: Uint8Array[] = [];
  for (const [field, value] of fieldsOf(message)) {
    if (typeof value === "number") continue;
    if (field === 1) keys.push(value);
    if (field === 2) hashKeys.push(value);
    if (field === 3) records.push(value);
  }
  return { records: records.map((each) => userRecord(each, keys)), hashKeys };
}

function beginsLikeOne(record: Uint8Array): boolean {
  return record.length >= MAGIC.length + DIGEST_BYTES && MAGIC.every((byte, i) => record[i] === byte);
}

function userRecord(bytes: Uint8Array, keys: readonly Uint8Array[]): UserRecord {
  let key: Uint8Array | undefined;
  let value: Uint8Array | undefined;
  let id: Uint8Array | undefined;
  for (const [field, content] of fieldsOf(bytes)) {
    if (field === 1 && typeof content === "number") key = keys[content];
    if (field === 3 && typeof content === "object") value = content;
    if (field === 4 && typeof content === "object") id ??= idOf(content);
  }
  if (key === undefined || value === undefined) throw broken("a user record in it lacks its partition key or its data");
  return { key, value, id };
}

/** The value of a tag, if it is ours. */
function idOf(tag: Uint8Array): Uint8Array | undefined {
  let isOurs = false;
  let value: Uint8Array | undefined;
  for (const [field, content] of fieldsOf(tag)) {
    if (typeof content !== "object") continue;
    if (field === 1) isOurs = content.length === ID_TAG.length && ID_TAG.every((byte, i) => content[i] === byte);
    if (field === 2) value = content;
  }
  return isOurs ? value : undefined;
}

/** The fields of a protobuf message: a number for a varint, a view for what has a length. */
function* fieldsOf(bytes: Uint8Array): Generator<readonly [field: number, value: number | Uint8Array]> {
  const reader = new ProtobufReader(bytes);
  while (!reader.isAtEnd) {
    const tag = reader.varint();
    const field = Math.floor(tag / 8);
    switch (tag % 8) {
      case 0:
        yield [field, reader.varint()];
        break;
      case 1:
        yield [field, reader.take(8)];
        break;
      case 2:
        yield [field, reader.take(reader.varint())];
        break;
      case 5:
        yield [field, reader.take(4)];
        break;
      default:
        throw broken(`its field ${field} has the unknown wire type ${tag % 8}`);
    }
  }
}

class ProtobufReader {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let unit = 1;; unit *= 128) {
      if (this.isAtEnd) throw broken("it ends inside a field");
      const byte = this.#bytes[this.#at++];
      value += (byte & 127) * unit;
      if (byte < 128) return value;
    }
  }

  take(length: number): Uint8Array {
    if (this.#at + length > this.#bytes.length) throw broken("it ends inside a field");
    return this.#bytes.subarray(this.#at, this.#at += length);
  }
}

function broken(reason: string): BrokenAggregate {
  return new BrokenAggregate(`Cannot read an aggregated record: ${reason}`);
}
