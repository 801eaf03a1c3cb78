/**
 * Writes aggregated records (aggregated.ts): many outputs in one Kinesis record, each with the id that tells a repeat.
 *
 * The id is a tag, which the format has a place for, and which Amazon's own consumer passes over.
 */

import { createHash } from "node:crypto";
import { ID_TAG, MAGIC } from "./aggregated.ts";
import type { HashRange } from "./marks.ts";
import type { StreamOutput } from "./outputs.ts";

const DIGEST_BYTES = 16;
/** Beside the records: magic, digest. */
const FRAME_BYTES = MAGIC.length + DIGEST_BYTES;
const VARINT_BYTES_MAX = 5;
/** What an output takes beside key, value and origin. */
const OVERHEAD_MAX = ID_TAG.length + 8 * VARINT_BYTES_MAX + 2 * 17;
/** Between the parts of an id; as a number of one byte. */
const POINT = 0x2e;

/** Fields of the format, each with a length. */
const KEY_TABLE = 1 << 3 | 2;
const HASH_KEY_TABLE = 2 << 3 | 2;
const RECORDS = 3 << 3 | 2;
const RECORD_KEY_INDEX = 1 << 3;
const RECORD_DATA = 3 << 3 | 2;
const RECORD_TAGS = 4 << 3 | 2;
const TAG_KEY = 1 << 3 | 2;
const TAG_VALUE = 2 << 3 | 2;

const encoder = new TextEncoder();

/** Collects outputs up to a size. */
export class AggregateBuilder {
  readonly #bytesMax: number;
  readonly #keys = new Map<string, number>();
  readonly #table: Bytes = new Bytes();
  readonly #records: Bytes = new Bytes();

  /**
   * @param bytesMax of the whole record; one output alone may be larger
   * @param range the hash keys that it is made for, if known
   */
  constructor(bytesMax: number, range: HashRange | undefined) {
    this.#bytesMax = bytesMax;
    for (const hashKey of range ?? []) {
      const text = encoder.encode(String(hashKey));
      this.#table.varint(HASH_KEY_TABLE).varint(text.length).put(text);
    }
  }

  /** Whether anything was added. */
  get isEmpty(): boolean {
    return this.#records.length === 0;
  }

  /** Adds an output unless the record would become too large. */
  add({ key, keyBytes, value, id }: StreamOutput): boolean {
    const grown = keyBytes.length + value.length + id.origin.length + OVERHEAD_MAX;
    const size = FRAME_BYTES + this.#table.length + this.#records.length + grown;
    if (!this.isEmpty && size > this.#bytesMax) return false;
    const index = this.#indexOf(key, keyBytes);
    const idLength = digitsOf(id.seq) + 1 + digitsOf(id.index) + 1 + id.origin.length;
    const tagLength = 2 + ID_TAG.length + 1 + varintLength(idLength) + idLength;
    const length = 1 + varintLength(index) + 1 + varintLength(value.length) + value.length + 1 +
      varintLength(tagLength) + tagLength;
    this.#records.varint(RECORDS).varint(length).varint(RECORD_KEY_INDEX).varint(index)
      .varint(RECORD_DATA).varint(value.length).put(value)
      .varint(RECORD_TAGS).varint(tagLength).varint(TAG_KEY).varint(ID_TAG.length).put(ID_TAG)
      .varint(TAG_VALUE).varint(idLength).decimal(id.seq).varint(POINT).decimal(id.index).varint(POINT).put(id.origin);
    return true;
  }

  /** The record. */
  finish(): Uint8Array {
    const message = new Bytes(this.#table.length + this.#records.length + FRAME_BYTES);
    message.put(MAGIC).put(this.#table.written).put(this.#records.written);
    const digest = createHash("md5").update(message.written.subarray(MAGIC.length)).digest();
    return message.put(digest).written;
  }

  #indexOf(key: string, bytes: Uint8Array): number {
    const known = this.#keys.get(key);
    if (known !== undefined) return known;
    const index = this.#keys.size;
    this.#keys.set(key, index);
    this.#table.varint(KEY_TABLE).varint(bytes.length).put(bytes);
    return index;
  }
}

/** Bytes that grow. */
class Bytes {
  #bytes: Uint8Array;
  #length = 0;

  constructor(size = 1024) {
    this.#bytes = new Uint8Array(size);
  }

  get length(): number {
    return this.#length;
  }

  get written(): Uint8Array {
    return this.#bytes.subarray(0, this.#length);
  }

  put(bytes: Uint8Array): this {
    this.#reserve(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
    return this;
  }

  varint(value: number): this {
    this.#reserve(VARINT_BYTES_MAX);
    for (; value >= 128; value = Math.floor(value / 128)) this.#bytes[this.#length++] = value % 128 + 128;
    this.#bytes[this.#length++] = value;
    return this;
  }

  /** A whole number in decimal digits. */
  decimal(value: number): this {
    const digits = digitsOf(value);
    this.#reserve(digits);
    for (let at = this.#length + digits - 1; at >= this.#length; at--) {
      this.#bytes[at] = 0x30 + value % 10;
      value = Math.floor(value / 10);
    }
    this.#length += digits;
    return this;
  }

  #reserve(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * (this.#length + more));
    larger.set(this.written);
    this.#bytes = larger;
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (; value >= 10; value = Math.floor(value / 10)) digits++;
  return digits;
}

function varintLength(value: number): number {
  let length = 1;
  for (; value >= 128; value = Math.floor(value / 128)) length++;
  return length;
}
