/** The binary encoding of Avro: numbers as zigzag varints, everything else from them. */

/** Reads values from bytes; whatever is cut off or too long is an error. */
export class AvroReader {
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  #at: number;

  constructor(bytes: Uint8Array, from = 0) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = from;
  }

  /** How many bytes are left. */
  get left(): number {
    return this.#bytes.length - this.#at;
  }

  boolean(): boolean {
    const byte = this.#take(1)[0];
    if (byte > 1) throw new TypeError(`a boolean is ${byte}`);
    return byte === 1;
  }

  /** A whole number of 64 bits; a bigint where a number could not say it. */
  long(): number | bigint {
    let [low, shift] = [0n, 0n];
    for (;;) {
      const byte = this.#take(1)[0];
      low |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) break;
      shift += 7n;
      if (shift > 63n) throw new TypeError("a number has more than 64 bits");
    }
    const value = BigInt.asIntN(64, (BigInt.asUintN(64, low) >> 1n) ^ -(low & 1n));
    const number = Number(value);
    return Number.isSafeInteger(number) ? number : value;
  }

  int(): number {
    const value = this.long();
    if (typeof value === "number" && value === (value | 0)) return value;
    throw new TypeError(`an int is ${value}`);
  }

  /** How many of something there are: no more than there are bytes left for, `each` one or more. */
  count(each: number): number {
    const value = this.long();
    if (typeof value === "number" && value >= 0 && value * each <= this.left) return value;
    throw new TypeError(`${value} items or bytes are announced, ${this.left} bytes are left`);
  }

  float(): number {
    const at = this.#skip(4);
    return this.#view.getFloat32(at, true);
  }

  double(): number {
    const at = this.#skip(8);
    return this.#view.getFloat64(at, true);
  }

  bytes(length = this.count(1)): Uint8Array {
    return this.#take(length).slice();
  }

  string(): string {
    return new TextDecoder("utf-8", { fatal: true }).decode(this.#take(this.count(1)));
  }

  #take(length: number): Uint8Array {
    const at = this.#skip(length);
    return this.#bytes.subarray(at, at + length);
  }

  #skip(length: number): number {
    if (this.left < length) throw new TypeError(`it ends ${length - this.left} bytes too early`);
    const at = this.#at;
    this.#at += length;
    return at;
  }
}

/** Writes values into bytes. */
export class AvroWriter {
  #bytes = new Uint8Array(64);
  #length = 0;

  /** What was written. */
  take(): Uint8Array {
    return this.#bytes.slice(0, this.#length);
  }

  boolean(value: boolean): void {
    this.#room(1)[0] = value ? 1 : 0;
  }

  long(value: number | bigint): void {
    const wide = BigInt(value);
    if (BigInt.asIntN(64, wide) !== wide) throw new RangeError(`${value} has more than 64 bits`);
    let left = BigInt.asUintN(64, (wide << 1n) ^ (wide >> 63n));
    while (left >= 0x80n) {
      this.#room(1)[0] = Number(left & 0x7fn) | 0x80;
      left >>= 7n;
    }
    this.#room(1)[0] = Number(left);
  }

  float(value: number): void {
    const room = this.#room(4);
    new DataView(room.buffer, room.byteOffset).setFloat32(0, value, true);
  }

  double(value: number): void {
    const room = this.#room(8);
    new DataView(room.buffer, room.byteOffset).setFloat64(0, value, true);
  }

  bytes(value: Uint8Array): void {
    this.long(value.length);
    this.raw(value);
  }

  string(value: string): void {
    this.bytes(new TextEncoder().encode(value));
  }

  raw(value: Uint8Array): void {
    this.#room(value.length).set(value);
  }

  #room(length: number): Uint8Array {
    if (this.#length + length > this.#bytes.length) {
      const larger = new Uint8Array(2 * (this.#length + length));
      larger.set(this.#bytes.subarray(0, this.#length));
      this.#bytes = larger;
    }
    return this.#bytes.subarray(this.#length, this.#length += length);
  }
}
