/**
 * Kafka's primitive types: big-endian integers, strings, arrays; the compact ones belong to flexible versions (KIP-482).
 *
 * For requests and answers, a few hundred bytes each; records have loops of their own. A read past the end, or a length
 * that cannot be, throws a {@linkcode WireError}: an answer is never trusted.
 */

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const FIRST_SIZE = 256;
/** What comes before an answer: its size and its correlation id. */
const ANSWER_PREFIX = 8;

/** Bytes that are not what the protocol says. */
export class WireError extends Error {
  override readonly name = "WireError";
  readonly code = "E_KAFKA_ANSWER";

  /** `reason` ends the sentence "Cannot read the broker's answer: …". */
  constructor(reason: string) {
    super(`Cannot read the broker's answer: ${reason}`);
  }
}

/** Appends fields to a buffer that grows. */
export class Writer {
  #bytes = new Uint8Array(FIRST_SIZE);
  #view = new DataView(this.#bytes.buffer);
  #length = 0;

  /** What has been written. */
  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#length);
  }

  int8(value: number): this {
    const at = this.#reserve(1);
    this.#view.setInt8(at, value);
    return this;
  }

  int16(value: number): this {
    const at = this.#reserve(2);
    this.#view.setInt16(at, value);
    return this;
  }

  int32(value: number): this {
    const at = this.#reserve(4);
    this.#view.setInt32(at, value);
    return this;
  }

  int64(value: bigint): this {
    const at = this.#reserve(8);
    this.#view.setBigInt64(at, value);
    return this;
  }

  unsignedVarint(value: number): this {
    for (; value > 127; value >>>= 7) this.int8((value & 127) | 128);
    return this.int8(value);
  }

  raw(bytes: Uint8Array): this {
    const at = this.#reserve(bytes.length);
    this.#bytes.set(bytes, at);
    return this;
  }

  string(value: string | null): this {
    if (value === null) return this.int16(-1);
    const bytes = encoder.encode(value);
    return this.int16(bytes.length).raw(bytes);
  }

  compactString(value: string | null): this {
    if (value === null) return this.unsignedVarint(0);
    const bytes = encoder.encode(value);
    return this.unsignedVarint(bytes.length + 1).raw(bytes);
  }

  array<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.int32(items.length);
    items.forEach(write);
    return this;
  }

  compactArray<Item>(items: readonly Item[], write: (item: Item) => void): this {
    this.unsignedVarint(items.length + 1);
    items.forEach(write);
    return this;
  }

  /** Ends a structure of a flexible version: it has no tagged fields. */
  noTags(): this {
    return this.int8(0);
  }

  #reserve(size: number): number {
    const at = this.#length;
    this.#length += size;
    if (this.#length > this.#bytes.length) {
      const larger = new Uint8Array(2 * this.#length);
      larger.set(this.#bytes);
      this.#bytes = larger;
      this.#view = new DataView(larger.buffer);
    }
    return at;
  }
}

/** Reads fields in order. */
export class Reader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  int8(): number {
    return this.#view.getInt8(this.#take(1));
  }

  int16(): number {
    return this.#view.getInt16(this.#take(2));
  }

  int32(): number {
    return this.#view.getInt32(this.#take(4));
  }

  int64(): bigint {
    return this.#view.getBigInt64(this.#take(8));
  }

  unsignedVarint(): number {
    let value = 0;
    for (let shift = 0; shift < 35; shift += 7) {
      const byte = this.#view.getUint8(this.#take(1));
      value |= (byte & 127) << shift;
      if (byte < 128) return value >>> 0;
    }
    throw new WireError("a length has more than five bytes");
  }

  /** A view of the next bytes, not a copy. */
  raw(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }

  string(): string | null {
    const length = this.int16();
    return length < 0 ? null : decoder.decode(this.raw(length));
  }

  compactString(): string | null {
    const length = this.unsignedVarint() - 1;
    return length < 0 ? null : decoder.decode(this.raw(length));
  }

  array<Item>(read: () => Item): Item[] {
    return this.#items(this.int32(), read);
  }

  compactArray<Item>(read: () => Item): Item[] {
    return this.#items(this.unsignedVarint() - 1, read);
  }

  /** The tagged fields of a flexible version, by number. */
  tags(): ReadonlyMap<number, Uint8Array> {
    const tags = new Map<number, Uint8Array>();
    for (let left = this.unsignedVarint(); left > 0; left--) {
      const tag = this.unsignedVarint();
      tags.set(tag, this.raw(this.unsignedVarint()));
    }
    return tags;
  }

  /**
   * Gives back the memory of an answer that has a buffer to itself, which the collector would find late; what was read
   * as a view is gone.
   */
  release(): void {
    const { buffer, byteOffset, byteLength } = this.#bytes;
    const isAlone = byteOffset === ANSWER_PREFIX && byteOffset + byteLength === buffer.byteLength;
    if (isAlone && buffer instanceof ArrayBuffer) buffer.transfer(0);
  }

  #items<Item>(count: number, read: () => Item): Item[] {
    const items: Item[] = [];
    // Every item has a byte at least; a count that cannot be would otherwise take memory without end.
    if (count > this.#bytes.length - this.#at) throw new WireError(`it tells of ${count} items in fewer bytes`);
    for (let i = 0; i < count; i++) items.push(read());
    return items;
  }

  #take(size: number): number {
    const at = this.#at;
    if (size < 0 || at + size > this.#bytes.length) throw new WireError(`it ends after ${this.#bytes.length} bytes`);
    this.#at += size;
    return at;
  }
}
