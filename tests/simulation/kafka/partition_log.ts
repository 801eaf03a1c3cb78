/**
 * One partition's log as a broker keeps it: record batches by offset, what it knows of producers, and which transactions
 * are open or were aborted (KIP-98; `ProducerStateManager` and `UnifiedLog` of Kafka 4.1).
 */

import { Buffer } from "node:buffer";
import { crc32c } from "../../../adapters/kafka/protocol/crc32c.ts";

/** A batch in the log. */
interface StoredBatch {
  readonly base: bigint;
  readonly last: bigint;
  readonly bytes: Uint8Array;
  readonly maxTimeMs: number;
}

/** What the log remembers of a producer. */
interface Producer {
  epoch: number;
  /** The last batches, by which a repeated one is known. */
  batches: { readonly sequence: number; readonly count: number; readonly base: bigint }[];
  /** The first offset of its open transaction. */
  openSince: bigint | undefined;
}

/** A transaction that was aborted. */
interface Aborted {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
  readonly lastOffset: bigint;
}

/** What a fetch finds. */
export interface FetchResult {
  readonly errorCode: number;
  readonly bytes: Uint8Array;
  readonly aborted: readonly Pick<Aborted, "producerId" | "firstOffset">[];
}

const HEADER = 61;
const REMEMBERED_BATCHES = 5;
const CONTROL_AND_TRANSACTIONAL = 48;
const TRANSACTIONAL = 16;
const OFFSET_OUT_OF_RANGE = 1;
const OUT_OF_ORDER_SEQUENCE = 45;
const INVALID_PRODUCER_EPOCH = 47;
const NOTHING = new Uint8Array(0);
/** A control record: version 0, type 0 (abort) or 1 (commit); its value is version 0 and the coordinator's epoch 0. */
const MARKER_BODY = [0x20, 0, 0, 0, 8, 0, 0, 0, 0, 12, 0, 0, 0, 0, 0, 0, 0];
const MARKER_TYPE_AT = 8;

/** See the module. */
export class PartitionLog {
  #batches: StoredBatch[] = [];
  readonly #producers = new Map<bigint, Producer>();
  readonly #aborted: Aborted[] = [];
  first = 0n;
  end = 0n;

  /** Where `read_committed` ends: at the first record of the oldest open transaction. */
  get stableEnd(): bigint {
    let stable = this.end;
    for (const { openSince } of this.#producers.values()) {
      if (openSince !== undefined && openSince < stable) stable = openSince;
    }
    return stable;
  }

  /** Whether the producer may write with that epoch. */
  admits(producerId: bigint, epoch: number): boolean {
    return epoch >= (this.#producers.get(producerId)?.epoch ?? 0);
  }

  /** Appends a batch as it came, at the next offset. */
  append(sent: Uint8Array): { readonly errorCode: number; readonly base: bigint } {
    const view = new DataView(sent.buffer, sent.byteOffset, sent.byteLength);
    const producerId = view.getBigInt64(43);
    const epoch = view.getInt16(51);
    const sequence = view.getInt32(53);
    const count = view.getInt32(57);
    const isTransactional = (view.getInt16(21) & TRANSACTIONAL) !== 0;
    if (producerId >= 0n) {
      const refused = this.#check(producerId, epoch, sequence, count);
      if (refused) return refused;
    }
    const base = this.#store(sent.slice(), view.getInt32(23), Number(view.getBigInt64(35)));
    if (producerId >= 0n) {
      const producer = this.#producers.get(producerId)!;
      producer.batches = [...producer.batches.slice(1 - REMEMBERED_BATCHES), { sequence, count, base }];
      if (isTransactional) producer.openSince ??= base;
    }
    return { errorCode: 0, base };
  }

  /** An earlier epoch, a batch out of sequence, or one that is there already. */
  #check(producerId: bigint, epoch: number, sequence: number, count: number) {
    const known = this.#producers.get(producerId);
    if (known && epoch < known.epoch) return { errorCode: INVALID_PRODUCER_EPOCH, base: -1n };
    if (!known || epoch > known.epoch) {
      if (known && sequence !== 0) return { errorCode: OUT_OF_ORDER_SEQUENCE, base: -1n };
      this.#producers.set(producerId, { epoch, batches: [], openSince: known?.openSince });
      return undefined;
    }
    const repeated = known.batches.find((batch) => batch.sequence === sequence && batch.count === count);
    if (repeated) return { errorCode: 0, base: repeated.base };
    const last = known.batches.at(-1);
    const expected = last ? (last.sequence + last.count) % 2 ** 31 : 0;
    return sequence === expected ? undefined : { errorCode: OUT_OF_ORDER_SEQUENCE, base: -1n };
  }

  /** Ends the producer's transaction here. A marker of a later epoch shuts out the one that wrote. */
  mark(producerId: bigint, epoch: number, isCommit: boolean, timeMs: number): void {
    const known = this.#producers.get(producerId);
    const base = this.#store(markerBatch(producerId, epoch, isCommit, timeMs), 0, timeMs);
    if (known?.openSince !== undefined && !isCommit) {
      this.#aborted.push({ producerId, firstOffset: known.openSince, lastOffset: base });
    }
    const batches = known?.epoch === epoch ? known.batches : [];
    this.#producers.set(producerId, { epoch, batches, openSince: undefined });
  }

  #store(bytes: Uint8Array<ArrayBuffer>, lastDelta: number, maxTimeMs: number): bigint {
    const base = this.end;
    new DataView(bytes.buffer).setBigInt64(0, base);
    this.#batches.push({ base, last: base + BigInt(lastDelta), bytes, maxTimeMs });
    this.end = base + BigInt(lastDelta) + 1n;
    return base;
  }

  /** Batches from the one that holds `from` on, up to where `read_committed` ends. */
  fetch(from: bigint, bytesMax: number): FetchResult {
    if (from < this.first || from > this.end) return { errorCode: OFFSET_OUT_OF_RANGE, bytes: NOTHING, aborted: [] };
    const { stableEnd } = this;
    const found: Uint8Array[] = [];
    let bytes = 0;
    let next = from;
    for (const batch of this.#batches) {
      if (batch.last < from || batch.base >= stableEnd) continue;
      // One batch always comes, however large it is; a broker may cut the last one.
      if (bytes > 0 && bytes + batch.bytes.length > bytesMax) {
        found.push(batch.bytes.subarray(0, bytesMax - bytes));
        break;
      }
      found.push(batch.bytes);
      bytes += batch.bytes.length;
      next = batch.last + 1n;
    }
    const aborted = this.#aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < next);
    return { errorCode: 0, bytes: new Uint8Array(Buffer.concat(found)), aborted };
  }

  /** The offset of the first batch with a record at `timeMs` or later. */
  offsetAt(timeMs: number): bigint {
    return this.#batches.find((batch) => batch.maxTimeMs >= timeMs)?.base ?? -1n;
  }

  /** Drops everything before `offset`, by whole batches. */
  trim(offset: bigint): void {
    this.#batches = this.#batches.filter(({ last }) => last >= offset);
    this.first = this.#batches[0]?.base ?? this.end;
  }
}

function markerBatch(producerId: bigint, epoch: number, isCommit: boolean, timeMs: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER + MARKER_BODY.length);
  const view = new DataView(bytes.buffer);
  bytes.set(MARKER_BODY, HEADER);
  view.setUint8(HEADER + MARKER_TYPE_AT, isCommit ? 1 : 0);
  view.setInt32(8, bytes.length - 12);
  view.setInt8(16, 2);
  view.setInt16(21, CONTROL_AND_TRANSACTIONAL);
  view.setBigInt64(27, BigInt(timeMs));
  view.setBigInt64(35, BigInt(timeMs));
  view.setBigInt64(43, producerId);
  view.setInt16(51, epoch);
  view.setInt32(53, -1);
  view.setInt32(57, 1);
  view.setUint32(17, crc32c(view, 21, bytes.length));
  return bytes;
}
