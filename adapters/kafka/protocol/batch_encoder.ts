/**
 * Record batch v2, for one partition, without an object per record.
 *
 * A batch is encoded before its producer, epoch and sequence are known; `seal` writes them and the checksum, so a retry
 * after a new epoch does not encode again. Source: kafka.apache.org/documentation/#recordbatch
 */

import { crc32c } from "./crc32c.ts";
import { type Codec, CODECS, compress } from "./compression.ts";
import { copyBytes } from "./copy_bytes.ts";

const HEADER = 61;
const TRANSACTIONAL = 16;
/** The varints of one record at their longest: length 5, attributes 1, time 10, offset 5, key 5, value 5, headers 1. */
export const RECORD_OVERHEAD = 32;
/** No headers: their count is 0. */
const NO_HEADERS = new Uint8Array(1);

/** Who writes. */
export interface ProducerIdentity {
  readonly producerId: bigint;
  readonly epoch: number;
}

/** One partition's records as one record batch. */
export class BatchEncoder {
  readonly topic: string;
  readonly partition: number;
  #count = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = HEADER;
  #baseTimeMs = 0;
  #maxTimeMs = 0;
  #codec: Codec = "none";

  /** @param bytesHint payload bytes and `RECORD_OVERHEAD` for each record; it grows when that is not enough */
  constructor(topic: string, partition: number, bytesHint: number) {
    this.topic = topic;
    this.partition = partition;
    this.#bytes = new Uint8Array(HEADER + bytesHint);
    this.#view = new DataView(this.#bytes.buffer);
  }

  get count(): number {
    return this.#count;
  }

  /** Bytes so far. */
  get length(): number {
    return this.#length;
  }

  /**
   * Adds a record whose key lies in `keys` and whose value lies in `values`; a length of -1 is null. `headers` are
   * encoded already (`record_headers.ts`).
   */
  add(
    timeMs: number,
    keys: DataView,
    keyAt: number,
    keyLength: number,
    values: DataView,
    valueAt: number,
    valueLength: number,
    headers: Uint8Array = NO_HEADERS,
  ): void {
    if (this.#count === 0) this.#baseTimeMs = this.#maxTimeMs = timeMs;
    if (timeMs > this.#maxTimeMs) this.#maxTimeMs = timeMs;
    const timeDelta = timeMs - this.#baseTimeMs;
    const offsetDelta = this.#count++;
    const keySize = sizeOfBytes(keyLength);
    const length = 1 + sizeOfLong(timeDelta) + sizeOfInt(offsetDelta) + keySize + sizeOfBytes(valueLength) +
      headers.length;
    this.#reserve(length + RECORD_OVERHEAD);
    this.#int(length);
    this.#bytes[this.#length++] = 0;
    this.#long(timeDelta);
    this.#int(offsetDelta);
    this.#int(keyLength);
    if (keyLength > 0) this.#length = copyBytes(keys, keyAt, keyAt + keyLength, this.#view, this.#length);
    this.#int(valueLength);
    if (valueLength > 0) this.#length = copyBytes(values, valueAt, valueAt + valueLength, this.#view, this.#length);
    if (headers === NO_HEADERS) {
      this.#bytes[this.#length++] = 0;
    } else {
      this.#bytes.set(headers, this.#length);
      this.#length += headers.length;
    }
  }

  /** Compresses the records; nothing can be added any more. */
  compress(codec: Codec): void {
    if (codec === "none") return;
    const packed = compress(codec, this.#bytes.subarray(HEADER, this.#length));
    this.#bytes = new Uint8Array(HEADER + packed.length);
    this.#bytes.set(packed, HEADER);
    this.#view = new DataView(this.#bytes.buffer);
    this.#length = this.#bytes.length;
    this.#codec = codec;
  }

  /** The finished batch. It may be sealed again, for another epoch. */
  seal({ producerId, epoch }: ProducerIdentity, baseSequence: number, { isTransactional = true } = {}): Uint8Array {
    const view = this.#view;
    const byBroker = -1;
    view.setBigInt64(0, 0n);
    view.setInt32(8, this.#length - 12);
    view.setInt32(12, byBroker);
    view.setInt8(16, 2);
    view.setInt16(21, (isTransactional ? TRANSACTIONAL : 0) | CODECS.indexOf(this.#codec));
    view.setInt32(23, this.#count - 1);
    view.setBigInt64(27, BigInt(this.#baseTimeMs));
    view.setBigInt64(35, BigInt(this.#maxTimeMs));
    view.setBigInt64(43, producerId);
    view.setInt16(51, epoch);
    view.setInt32(53, baseSequence);
    view.setInt32(57, this.#count);
    view.setUint32(17, crc32c(view, 21, this.#length));
    return this.#bytes.subarray(0, this.#length);
  }

  /** Gives the memory back before the collector finds it; the batch is over. */
  release(): void {
    this.#bytes.buffer.transfer(0);
  }

  #reserve(size: number): void {
    const needed = this.#length + size;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(2 * needed);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  #int(value: number): void {
    let zigzag = (value << 1) ^ (value >> 31);
    for (; zigzag & ~127; zigzag >>>= 7) this.#bytes[this.#length++] = (zigzag & 127) | 128;
    this.#bytes[this.#length++] = zigzag;
  }

  #long(value: number): void {
    if (fitsInt(value)) return this.#int(value);
    let zigzag = value < 0 ? -2 * value - 1 : 2 * value;
    for (; zigzag > 127; zigzag = Math.floor(zigzag / 128)) this.#bytes[this.#length++] = (zigzag % 128) | 128;
    this.#bytes[this.#length++] = zigzag;
  }
}

function fitsInt(value: number): boolean {
  return value >= -0x40000000 && value < 0x40000000;
}

function sizeOfInt(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x200000 ? 3 : zigzag < 0x10000000 ? 4 : 5;
}

function sizeOfLong(value: number): number {
  if (fitsInt(value)) return sizeOfInt(value);
  let size = 1;
  for (let zigzag = value < 0 ? -2 * value - 1 : 2 * value; zigzag > 127; zigzag = Math.floor(zigzag / 128)) size++;
  return size;
}

function sizeOfBytes(length: number): number {
  return length < 0 ? 1 : sizeOfInt(length) + length;
}
