/** Zig-zag varints of records, read in order. A read past the end answers 0: whoever reads checks the end he was told. */

/** See the module. */
export class Varints {
  readonly #bytes: Uint8Array;
  at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  /** Up to 32 bits. */
  next(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++];
    let value = byte & 127;
    for (let shift = 7; byte > 127; shift += 7) {
      byte = bytes[this.at++];
      value |= (byte & 127) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }

  /** Up to 53 bits. */
  nextLong(): number {
    const bytes = this.#bytes;
    let byte = bytes[this.at++];
    if (byte < 128) return (byte >>> 1) ^ -(byte & 1);
    const isNegative = byte & 1;
    let value = (byte & 127) >>> 1;
    for (let scale = 64; byte > 127; scale *= 128) {
      byte = bytes[this.at++];
      value += (byte & 127) * scale;
    }
    return isNegative ? -value - 1 : value;
  }

  skipByte(): void {
    this.at++;
  }

  raw(length: number): Uint8Array {
    return this.#bytes.subarray(this.at, this.at += Math.max(length, 0));
  }
}
