/**
 * Records of one partition, packed: payload bytes in one buffer, everything else in typed-array columns beside it.
 *
 * A batch crosses threads by transfer, so nothing on its way makes an object per record. Columns are indexed by row.
 */

import { type HeaderColumns, joinHeaders, sliceHeaders } from "./headers.ts";

/** Marks an absent key or value in {@linkcode Batch.ranges}. */
export const ABSENT = 0xffffffff;

/** Marks an event time that its source found but could not read; the engine fails that record. */
export const UNREADABLE_TIME = Infinity;

/** The last time that a `Date` can be; no system that Sluice reads or writes knows later ones. */
export const TIME_MS_MAX = 8.64e15;

/** Records of one partition of one stream, in offset order. */
export interface Batch {
  /** The name of the stream. */
  readonly stream: string;
  /** The partition within the stream. */
  readonly partition: string;
  /** How many rows there are. */
  readonly count: number;
  /** Keys and values, in any arrangement. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Four per row: key start, key end, value start, value end; byte positions in `bytes`, or {@linkcode ABSENT}. */
  readonly ranges: Uint32Array<ArrayBuffer>;
  /** `offsetWidth` 32-bit words per row, least significant first: offsets reach 186 bits (Kinesis). */
  readonly offsetWords: Uint32Array<ArrayBuffer>;
  /** 32-bit words per offset. */
  readonly offsetWidth: number;
  /** Milliseconds since the epoch per row; NaN where a record has none, absent where no record has any. */
  readonly eventTimesMs?: Float64Array<ArrayBuffer>;
  /** Absent where no record has headers. */
  readonly headers?: HeaderColumns;
  /** The position after the last row: where the next read begins. */
  readonly next: bigint;
  /** What the source needs to recognise, at a later start, that the partition still holds what was read up to `next`. */
  readonly anchor?: string;
  /** Offsets before `next` that are left out: what they hold was read before, or is read elsewhere. */
  readonly repeats?: readonly bigint[];
}

/** A batch that only leads on to `next`. */
export function emptyBatch({ stream, partition }: Pick<Batch, "stream" | "partition">, next: bigint): Batch {
  const [bytes, ranges, offsetWords] = [new Uint8Array(0), new Uint32Array(0), new Uint32Array(0)];
  return { stream, partition, count: 0, bytes, ranges, offsetWords, offsetWidth: 1, next };
}

/** The offset of `row`. */
export function offsetAt(batch: Pick<Batch, "offsetWords" | "offsetWidth">, row: number): bigint {
  const { offsetWords, offsetWidth } = batch;
  const first = row * offsetWidth;
  if (offsetWidth === 2 && offsetWords[first + 1] < 0x200000) {
    return BigInt(offsetWords[first + 1] * 0x100000000 + offsetWords[first]);
  }
  let offset = 0n;
  for (let word = offsetWidth - 1; word >= 0; word--) offset = (offset << 32n) | BigInt(offsetWords[first + word]);
  return offset;
}

/** Writes `offset` as the words of `row`. */
export function writeOffset(words: Uint32Array, width: number, row: number, offset: bigint): void {
  for (let word = 0; word < width; word++) {
    words[row * width + word] = Number(offset & 0xffffffffn);
    offset >>= 32n;
  }
}

/** The position right behind the rows before `row`: a half-open range that ends there excludes `row` and all after it. */
export function positionAt(batch: Batch, row: number): bigint {
  return row < batch.count ? offsetAt(batch, row) : batch.next;
}

/** How many rows make no more than so many records and bytes; a record that is larger comes alone. */
export function rowsWithin(
  { count, bytes, ranges }: Batch,
  { recordsMax, bytesMax }: { readonly recordsMax: number; readonly bytesMax: number },
): number {
  const rowsMax = Math.min(count, recordsMax);
  if (bytes.length <= bytesMax) return rowsMax;
  let rows = 0;
  for (let size = 0; rows < rowsMax; rows++) {
    for (let field = 4 * rows; field < 4 * rows + 4; field += 2) {
      if (ranges[field] !== ABSENT) size += ranges[field + 1] - ranges[field];
    }
    if (size > bytesMax) break;
  }
  return Math.max(rows, 1);
}

/** A copy of the rows `[fromRow, toRow)` with nothing else in it. */
export function sliceBatch(batch: Batch, fromRow: number, toRow: number): Batch {
  const count = toRow - fromRow;
  const { offsetWidth, ranges } = batch;
  let size = 0;
  for (let field = 4 * fromRow; field < 4 * toRow; field += 2) {
    if (ranges[field] !== ABSENT) size += ranges[field + 1] - ranges[field];
  }
  const bytes = new Uint8Array(size);
  const sliced = ranges.slice(4 * fromRow, 4 * toRow);
  let at = 0;
  for (let field = 0; field < sliced.length; field += 2) {
    if (sliced[field] === ABSENT) continue;
    bytes.set(batch.bytes.subarray(sliced[field], sliced[field + 1]), at);
    const length = sliced[field + 1] - sliced[field];
    sliced[field] = at;
    sliced[field + 1] = at += length;
  }
  const { eventTimesMs, anchor, headers, repeats, ...rest } = batch;
  return {
    ...rest,
    ...(repeats ? repeatsWithin(batch, fromRow, toRow) : {}),
    count,
    bytes,
    ranges: sliced,
    offsetWords: batch.offsetWords.slice(fromRow * offsetWidth, toRow * offsetWidth),
    next: positionAt(batch, toRow),
    ...(eventTimesMs ? { eventTimesMs: eventTimesMs.slice(fromRow, toRow) } : {}),
    ...(headers ? { headers: sliceHeaders(headers, fromRow, toRow) } : {}),
    // The anchor belongs to the end of the batch alone.
    ...(anchor !== undefined && toRow === batch.count ? { anchor } : {}),
  };
}

/** Those that are left out between the rows `[fromRow, toRow)`, or right before or behind them at the ends of the batch. */
function repeatsWithin(batch: Batch, fromRow: number, toRow: number): Pick<Batch, "repeats"> {
  const end = positionAt(batch, toRow);
  const isBehindStart = (offset: bigint) => fromRow === 0 || offset >= offsetAt(batch, fromRow);
  const repeats = batch.repeats!.filter((offset) => offset < end && isBehindStart(offset));
  return repeats.length > 0 ? { repeats } : {};
}

/** The batch without the rows that hold one of `offsets`. */
export function withoutRows(batch: Batch, offsets: ReadonlySet<bigint>): Batch {
  const kept: Batch[] = [];
  let fromRow = 0;
  for (let row = 0; row <= batch.count; row++) {
    if (row < batch.count && !offsets.has(offsetAt(batch, row))) continue;
    if (row > fromRow) kept.push(sliceBatch(batch, fromRow, row));
    fromRow = row + 1;
  }
  const { next, anchor } = batch;
  const rest = kept.length > 0 ? joinBatches(kept) : emptyBatch(batch, next);
  return { ...rest, next, ...(anchor === undefined ? {} : { anchor }) };
}

/** Consecutive batches of one partition as one. */
export function joinBatches(batches: readonly Batch[]): Batch {
  const { stream, partition, offsetWidth } = batches[0];
  const { next, anchor } = batches[batches.length - 1];
  const total = (size: (batch: Batch) => number) => batches.reduce((sum, batch) => sum + size(batch), 0);
  const count = total((batch) => batch.count);
  const bytes = new Uint8Array(total((batch) => batch.bytes.length));
  const ranges = new Uint32Array(4 * count);
  const offsetWords = new Uint32Array(offsetWidth * count);
  const eventTimesMs = new Float64Array(count).fill(NaN);
  let row = 0;
  let at = 0;
  for (const batch of batches) {
    bytes.set(batch.bytes, at);
    ranges.set(batch.ranges.map((position) => position === ABSENT ? ABSENT : position + at), 4 * row);
    offsetWords.set(batch.offsetWords, offsetWidth * row);
    if (batch.eventTimesMs) eventTimesMs.set(batch.eventTimesMs, row);
    row += batch.count;
    at += batch.bytes.length;
  }
  const joined = { stream, partition, count, bytes, ranges, offsetWords, offsetWidth, next };
  const hasTimes = batches.some((batch) => batch.eventTimesMs !== undefined);
  const hasHeaders = batches.some((batch) => batch.headers !== undefined);
  const repeats = batches.flatMap((batch) => batch.repeats ?? []);
  return {
    ...joined,
    ...(repeats.length > 0 ? { repeats } : {}),
    ...(hasTimes ? { eventTimesMs } : {}),
    ...(hasHeaders
      ? { headers: joinHeaders(batches.map((batch) => batch.headers), batches.map((batch) => batch.count)) }
      : {}),
    ...(anchor === undefined ? {} : { anchor }),
  };
}
