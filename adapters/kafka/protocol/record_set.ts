/**
 * Record batches as a Fetch answer holds them, decoded into packed columns, with the client's half of `read_committed`:
 * records of aborted transactions and control records are left out.
 *
 * `next` counts every offset that the broker answered with, also those of control, aborted and compacted records. A
 * checksum that does not match, and lengths that cannot be, throw: no record comes from a batch that is not whole.
 * Sources: kafka.apache.org/documentation/#recordbatch; KIP-98 (transactions).
 */

import type { Batch } from "../../../engine/batch.ts";
import { BatchPacker } from "./batch_packer.ts";
import { type Codec, CODECS, decompress } from "./compression.ts";
import { crc32c } from "./crc32c.ts";
import { Varints } from "./varints.ts";
import { viewOf } from "./view.ts";
import { WireError } from "./wire.ts";

/** Bytes of a batch before its records. */
const HEADER = 61;
/** Bytes before what the length field counts. */
const PREFIX = 12;
const FORMAT = 2;
const CODEC_MASK = 7;
const APPEND_TIME = 8;
const TRANSACTIONAL = 16;
const CONTROL = 32;
const ABORT = 0;

/** A transaction that was aborted, as the broker lists it. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

/** What to decode. */
export interface RecordSet {
  readonly stream: string;
  readonly partition: string;
  readonly bytes: Uint8Array;
  /** The first offset that is wanted: the first batch may begin before it. */
  readonly position: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** See `Batch.anchor`. */
  readonly anchor?: string;
}

/** The committed records of `recordSet`; there may be none although `next` moved on. */
export function decodeRecordSet({ stream, partition, bytes, position, aborted, anchor }: RecordSet): Batch {
  const view = viewOf(bytes);
  const filter = new AbortFilter(aborted);
  const packer = new BatchPacker(bytes.length, bytes.length >> 6);
  let next = position;
  for (let at = 0; at + HEADER <= bytes.length;) {
    const end = endOf(view, at);
    // The broker may cut the last batch.
    if (end > bytes.length) break;
    const header = readHeader(view, at, end);
    if (header.lastOffset >= position && filter.admits(header, bytes)) unpack(header, bytes, position, packer);
    if (header.lastOffset >= next) next = header.lastOffset + 1n;
    at = end;
  }
  const batch = packer.finish(stream, partition, next);
  return anchor === undefined ? batch : { ...batch, anchor };
}

interface Header {
  /** Where the batch begins in the record set, and where it ends. */
  readonly at: number;
  readonly end: number;
  readonly baseOffset: bigint;
  readonly lastOffset: bigint;
  readonly attributes: number;
  readonly baseTimeMs: number;
  readonly maxTimeMs: number;
  readonly producerId: bigint;
  readonly records: number;
}

function endOf(view: DataView, at: number): number {
  const length = view.getInt32(at + 8);
  if (length < HEADER - PREFIX) throw new WireError(`a record batch says that it has ${length} bytes`);
  return at + PREFIX + length;
}

function readHeader(view: DataView, at: number, end: number): Header {
  const baseOffset = view.getBigInt64(at);
  const format = view.getInt8(at + 16);
  if (format !== FORMAT) throw new WireError(`the batch at offset ${baseOffset} has format ${format}, 2 is wanted`);
  if (view.getUint32(at + 17) !== crc32c(view, at + 21, end)) {
    throw new WireError(`the checksum of the batch at offset ${baseOffset} does not match`);
  }
  return {
    at,
    end,
    baseOffset,
    lastOffset: baseOffset + BigInt(view.getInt32(at + 23)),
    attributes: view.getInt16(at + 21),
    baseTimeMs: Number(view.getBigInt64(at + 27)),
    maxTimeMs: Number(view.getBigInt64(at + 35)),
    producerId: view.getBigInt64(at + 43),
    records: view.getInt32(at + 57),
  };
}

/**
 * Decides which batches are committed.
 *
 * The broker lists aborted transactions in the order of their abort markers, so they are sorted by first offset here,
 * and one batch may begin several of them. Nothing but an abort marker ends one.
 */
class AbortFilter {
  /** Those that have not begun, the next one last. */
  readonly #waiting: AbortedTransaction[];
  readonly #open = new Set<bigint>();

  constructor(aborted: readonly AbortedTransaction[]) {
    this.#waiting = aborted.toSorted((a, b) =>
      a.firstOffset < b.firstOffset ? 1 : a.firstOffset > b.firstOffset ? -1 : 0
    );
  }

  admits(header: Header, bytes: Uint8Array): boolean {
    const { attributes, lastOffset, producerId } = header;
    // Also before a marker: a fetch may begin with the one that ends a transaction of before it.
    while (this.#waiting.length > 0 && this.#waiting.at(-1)!.firstOffset <= lastOffset) {
      this.#open.add(this.#waiting.pop()!.producerId);
    }
    if (attributes & CONTROL) {
      if (isAbortMarker(header, bytes)) this.#open.delete(producerId);
      return false;
    }
    return !(attributes & TRANSACTIONAL) || !this.#open.has(producerId);
  }
}

/** The key of a control record is version and type; of one that was compacted away an empty batch is left. */
function isAbortMarker({ at, end, records }: Header, bytes: Uint8Array): boolean {
  if (records === 0) return false;
  const body = new Varints(bytes.subarray(at + HEADER, end));
  body.next();
  body.skipByte();
  body.nextLong();
  body.next();
  const key = body.raw(body.next());
  return key.length >= 4 && (key[2] << 8 | key[3]) === ABORT;
}

function unpack(header: Header, bytes: Uint8Array, position: bigint, packer: BatchPacker): void {
  const { at, end, attributes, baseOffset } = header;
  const codec = CODECS[attributes & CODEC_MASK];
  if (codec === undefined) {
    throw new WireError(`the batch at offset ${baseOffset} has codec ${attributes & CODEC_MASK}`);
  }
  const packed = bytes.subarray(at + HEADER, end);
  unpackRecords(header, codec === "none" ? packed : unzip(codec, packed, baseOffset), position, packer);
}

function unpackRecords(header: Header, records: Uint8Array, position: bigint, packer: BatchPacker): void {
  const from = viewOf(records);
  const varints = new Varints(records);
  const base = Number(header.baseOffset);
  const wanted = Number(position);
  const appendTimeMs = header.attributes & APPEND_TIME ? header.maxTimeMs : NaN;
  for (let left = header.records; left > 0; left--) {
    const length = varints.next();
    const end = varints.at + length;
    varints.skipByte();
    const timeMs = header.baseTimeMs + varints.nextLong();
    const offset = base + varints.next();
    const keyLength = varints.next();
    const keyAt = varints.at;
    if (keyLength > 0) varints.at += keyLength;
    const valueLength = varints.next();
    const valueAt = varints.at;
    if (valueAt + Math.max(valueLength, 0) > end || end > records.length) throw brokenRecord(offset);
    if (offset >= wanted) {
      packer.add(
        from,
        keyAt,
        keyLength,
        valueAt,
        valueLength,
        appendTimeMs === appendTimeMs ? appendTimeMs : timeMs,
        offset,
      );
      varints.at = valueAt + Math.max(valueLength, 0);
      const headers = varints.next();
      if (headers !== 0) unpackHeaders(records, varints, { headers, end, offset }, packer);
    }
    varints.at = end;
  }
}

function unzip(codec: Codec, packed: Uint8Array, baseOffset: bigint): Uint8Array {
  try {
    return decompress(codec, packed);
  } catch (cause) {
    throw new WireError(`the batch at offset ${baseOffset} is no ${codec}: ${(cause as Error).message}`);
  }
}

interface HeaderPlace {
  readonly headers: number;
  /** Where the record ends. */
  readonly end: number;
  readonly offset: number;
}

function unpackHeaders(
  records: Uint8Array,
  varints: Varints,
  { headers, end, offset }: HeaderPlace,
  packer: BatchPacker,
): void {
  for (let left = headers; left !== 0; left--) {
    const nameLength = varints.next();
    const nameAt = varints.at;
    varints.at += Math.max(nameLength, 0);
    const valueLength = varints.next();
    const valueAt = varints.at;
    varints.at += Math.max(valueLength, 0);
    if (nameLength < 0 || varints.at > end) throw brokenRecord(offset);
    packer.addHeader(records, nameAt, nameLength, valueAt, valueLength);
  }
}

function brokenRecord(offset: number): WireError {
  return new WireError(`the record at offset ${offset} is longer than its batch`);
}
