/**
 * Changes inputs as damage and malice would: bits, lengths, pieces that are missing, come twice, or come from another input.
 * Structure is kept where a target knows how (`Target.repair`), so that what lies behind a checksum is reached too.
 */

import { Buffer } from "node:buffer";
import { Random } from "../../engine/random.ts";

const INTERESTING = [
  0,
  1,
  2,
  7,
  0x7f,
  0x80,
  0xff,
  0x100,
  0x7fff,
  0x8000,
  0xffff,
  0x10000,
  0x7fffffff,
  0x80000000,
  0xffffffff,
];
const STACKED_MAX = 6;
const PIECE_MAX = 24;

/** See the module. */
export class Mutator {
  readonly #random = new Random();

  constructor(seed: number) {
    this.#random.seed(seed, 0xf022, 1, ~seed);
  }

  /** An integer in `[0, end)`. */
  below(end: number): number {
    return Math.floor(this.#random.nextNumber() * end);
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)];
  }

  /** `input` with some changes; `others` are where pieces may come from. */
  mutate(input: Uint8Array, others: readonly Uint8Array[], bytesMax: number): Uint8Array<ArrayBuffer> {
    let bytes = new Uint8Array(input);
    for (let left = 1 + this.below(STACKED_MAX); left > 0; left--) bytes = this.#change(bytes, others);
    return bytes.slice(0, bytesMax);
  }

  #change(bytes: Uint8Array<ArrayBuffer>, others: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
    if (bytes.length === 0) return new Uint8Array(this.pick(others));
    const at = this.below(bytes.length);
    const length = Math.min(bytes.length - at, 1 + this.below(PIECE_MAX));
    switch (this.below(9)) {
      case 0:
        bytes[at] ^= 1 << this.below(8);
        return bytes;
      case 1:
        bytes[at] = this.below(256);
        return bytes;
      case 2:
        return this.#writeInteger(bytes, at);
      case 3:
        return bytes.slice(0, at);
      case 4:
        return joined(bytes.subarray(0, at), bytes.subarray(at + length));
      case 5:
        return joined(bytes.subarray(0, at + length), bytes.subarray(at, at + length), bytes.subarray(at + length));
      case 6: {
        const other = this.pick(others);
        const from = this.below(other.length + 1);
        const piece = other.subarray(from, from + this.below(4 * PIECE_MAX));
        return joined(bytes.subarray(0, at), piece, bytes.subarray(at + this.below(2) * length));
      }
      case 7:
        return joined(bytes.subarray(0, at), Uint8Array.from({ length }, () => this.below(256)), bytes.subarray(at));
      default:
        bytes[at] = (bytes[at] + (this.below(2) === 0 ? 1 : 255)) & 255;
        return bytes;
    }
  }

  /** A number that often is a length, in one of the ways to write it. */
  #writeInteger(bytes: Uint8Array<ArrayBuffer>, at: number): Uint8Array<ArrayBuffer> {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const value = this.pick(INTERESTING);
    const isLittle = this.below(2) === 0;
    if (at + 4 <= bytes.length) view.setUint32(at, value, isLittle);
    else bytes[at] = value;
    return bytes;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.concat(parts));
}
