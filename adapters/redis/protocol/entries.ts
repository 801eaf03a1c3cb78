/**
 * Stream entries as packed columns: a reply to XRANGE becomes a batch whose columns point into the reply, so that nothing
 * is copied and no record is an object.
 *
 * An offset is `(milliseconds << 64) | sequence`, both of 64 bits, as ids are ordered. The time of an entry is that of
 * its id.
 */

import { ABSENT, type Batch, offsetAt } from "../../../engine/batch.ts";
import { EntryObjects } from "./entry_objects.ts";
import { ReplyError, type ReplyReader } from "./resp.ts";

/** Which fields of an entry are the record. */
export interface EntryFields {
  /** The field that is its value; undefined for the whole entry, as a JSON object whose members are texts. */
  readonly value?: string;
  /** The field that is its key; undefined for none. */
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
  const key = fields.key === undefined ? undefined : encoder.encode(fields.key);
  if (fields.value === undefined) return readObjects(columns, key, reader);
  const names = { value: encoder.encode(fields.value), key };
  for (let row = 0; row < count; row++) readFields(columns, row, reader, names);
  return columns;
}

interface FieldNames {
  readonly value: Uint8Array;
  readonly key: Uint8Array | undefined;
}

function readFields(columns: EntryColumns, row: number, reader: ReplyReader, { value, key }: FieldNames): void {
  const { ranges } = columns;
  for (let words = enterEntry(columns, row, reader); words > 0; words -= 2) {
    const nameLength = reader.bulk();
    const range = reader.passed(nameLength, value) ? 2 : key && reader.passed(nameLength, key) ? 0 : -1;
    const length = reader.bulk();
    if (range < 0) continue;
    ranges[4 * row + range + 1] = reader.at - 2;
    ranges[4 * row + range] = reader.at - 2 - length;
  }
}

function readObjects(columns: EntryColumns, key: Uint8Array | undefined, reader: ReplyReader): EntryColumns {
  const objects = new EntryObjects(columns, key);
  for (let row = 0; row < columns.count; row++) objects.add(row, enterEntry(columns, row, reader), reader);
  return { ...columns, bytes: objects.bytes };
}

/** Reads the id; answers how many words its fields have. */
function enterEntry(columns: EntryColumns, row: number, reader: ReplyReader): number {
  if (reader.enter() !== 2) throw new ReplyError("an entry is not an id and its fields");
  readId(columns, row, reader);
  const words = reader.enter();
  if (words % 2 !== 0) throw new ReplyError("an entry has a field without a value");
  return words;
}

/** Entries, not yet of a stream. */
export type EntryColumns = Required<Pick<Batch, "bytes" | "count" | "ranges" | "offsetWords" | "eventTimesMs">>;

/** The offset of the last of the first `count` rows. */
export function lastOffset(columns: Pick<EntryColumns, "offsetWords" | "count">, count = columns.count): bigint {
  return offsetAt({ offsetWords: columns.offsetWords, offsetWidth: OFFSET_WIDTH }, count - 1);
}

/** The rows `[from, to)`; their bytes are not copied. */
export function rowsOf(
  { bytes, ranges, offsetWords, eventTimesMs }: EntryColumns,
  from: number,
  to: number,
): EntryColumns {
  return {
    bytes,
    count: to - from,
    ranges: ranges.subarray(4 * from, 4 * to),
    offsetWords: offsetWords.subarray(OFFSET_WIDTH * from, OFFSET_WIDTH * to),
    eventTimesMs: eventTimesMs.subarray(from, to),
  };
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
