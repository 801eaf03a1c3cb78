/**
 * Stream entries as packed columns: a reply to XRANGE becomes a batch whose columns point into the reply, so that nothing
 * is copied and no record is an object.
 *
 * An offset is `(milliseconds << 64) | sequence`, both of 64 bits, as ids are ordered. The time of an entry is that of
 * its id.
 */

import { ABSENT, type Batch, offsetAt } from "../../../engine/batch.ts";
import { ReplyError, type ReplyReader } from "./resp.ts";

/** Which fields of an entry are the record. */
export interface EntryFields {
  /** Its value. */
  readonly value: string;
  /** Its key; undefined for none. */
  readonly key?: string;
}

/** 32-bit words of an offset. */
export const OFFSET_WIDTH = 4;
const SEQUENCE_BITS = 64n;
const SEQUENCE_MASK = (1n << SEQUENCE_BITS) - 1n;
const WORD = 0x100000000;
const ZERO = 48;
const NINE = 57;
const DASH = 45;
const encoder = new TextEncoder();

/** The id of the entry at `offset`. */
export function idOf(offset: bigint): string {
  return `${offset >> SEQUENCE_BITS}-${offset & SEQUENCE_MASK}`;
}

/** The offset of the entry `id`. */
export function offsetOf(id: string): bigint {
  const [milliseconds, sequence] = id.split("-");
  return (BigInt(milliseconds) << SEQUENCE_BITS) | BigInt(sequence);
}

/**
 * Reads a reply to XRANGE, `[[id, [field, value, …]], …]`; the last value of a field that comes twice counts.
 *
 * @throws {RedisError} what the server said instead
 * @throws {ReplyError} when the reply is something else
 */
export function readEntries(bytes: Uint8Array<ArrayBuffer>, reader: ReplyReader, fields: EntryFields): EntryColumns {
  const count = reader.enter();
  const columns: EntryColumns = {
    bytes,
    count,
    ranges: new Uint32Array(4 * count).fill(ABSENT),
    offsetWords: new Uint32Array(OFFSET_WIDTH * count),
    eventTimesMs: new Float64Array(count),
  };
  const [value, key] = [
    encoder.encode(fields.value),
    fields.key === undefined ? undefined : encoder.encode(fields.key),
  ];
  for (let row = 0; row < count; row++) {
    if (reader.enter() !== 2) throw new ReplyError("an entry is not an id and its fields");
    readId(columns, row, reader);
    const words = reader.enter();
    if (words % 2 !== 0) throw new ReplyError("an entry has a field without a value");
    for (let word = 0; word < words; word += 2) {
      const nameEnd = endOf(reader, reader.bulk());
      const range = isName(bytes, nameEnd, value) ? 2 : key && isName(bytes, nameEnd, key) ? 0 : -1;
      const length = reader.bulk();
      if (range < 0) continue;
      columns.ranges[4 * row + range + 1] = reader.at - 2;
      columns.ranges[4 * row + range] = reader.at - 2 - length;
    }
  }
  return columns;
}

/** Entries, not yet of a stream. */
export type EntryColumns = Required<Pick<Batch, "bytes" | "count" | "ranges" | "offsetWords" | "eventTimesMs">>;

/** The offset of the last of the first `count` rows. */
export function lastOffset(columns: Pick<EntryColumns, "offsetWords" | "count">, count = columns.count): bigint {
  return offsetAt({ offsetWords: columns.offsetWords, offsetWidth: OFFSET_WIDTH }, count - 1);
}

/** The columns without their first row. */
export function withoutFirst({ bytes, count, ranges, offsetWords, eventTimesMs }: EntryColumns): EntryColumns {
  return {
    bytes,
    count: count - 1,
    ranges: ranges.slice(4),
    offsetWords: offsetWords.slice(OFFSET_WIDTH),
    eventTimesMs: eventTimesMs.slice(1),
  };
}

interface NameEnd {
  readonly end: number;
  readonly length: number;
}

function endOf({ at }: ReplyReader, length: number): NameEnd {
  return { end: at - 2, length };
}

function isName(bytes: Uint8Array, { end, length }: NameEnd, name: Uint8Array): boolean {
  if (length !== name.length) return false;
  for (let i = 0; i < length; i++) if (bytes[end - length + i] !== name[i]) return false;
  return true;
}

/** Ids are `milliseconds-sequence`; both are exact as long as they have no more than 53 bits, else by a slower way. */
function readId({ bytes, offsetWords, eventTimesMs }: EntryColumns, row: number, reader: ReplyReader): void {
  const length = reader.bulk();
  const end = reader.at - 2;
  let dash = -1;
  let milliseconds = 0;
  let sequence = 0;
  for (let at = end - length; at < end; at++) {
    const byte = bytes[at];
    if (byte === DASH && dash < 0) dash = at;
    else if (byte < ZERO || byte > NINE) throw new ReplyError("an entry's id is none");
    else if (dash < 0) milliseconds = milliseconds * 10 + byte - ZERO;
    else sequence = sequence * 10 + byte - ZERO;
  }
  if (dash <= end - length || dash === end - 1) throw new ReplyError("an entry's id is none");
  eventTimesMs[row] = milliseconds;
  const first = row * OFFSET_WIDTH;
  if (Math.max(milliseconds, sequence) > Number.MAX_SAFE_INTEGER) {
    return writeLong(offsetWords, first, new TextDecoder().decode(bytes.subarray(end - length, end)));
  }
  offsetWords[first] = sequence;
  offsetWords[first + 1] = sequence / WORD;
  offsetWords[first + 2] = milliseconds;
  offsetWords[first + 3] = milliseconds / WORD;
}

function writeLong(words: Uint32Array, first: number, id: string): void {
  let offset = offsetOf(id);
  for (let word = 0; word < OFFSET_WIDTH; word++, offset >>= 32n) words[first + word] = Number(offset & 0xffffffffn);
}
