/**
 * Digests: 128 bits over what one record did, chained over all records of a task.
 *
 * The hash is MurmurHash3_x86_128 (Austin Appleby, public domain), whose four seeds are here the four words of the
 * digest so far, so that pieces chain. It finds differences; it does not authenticate: whoever can write the journal can
 * also write a matching digest. What every record does is hashed by `controller/digest_units.wat`, which must agree with
 * this.
 */

const C1 = 0x239b961b;
const C2 = 0xab0e9789;
const C3 = 0x38b34ae5;
const C4 = 0xa1e38b93;

/** A digest that is fed piece by piece. Pieces are framed: ("ab", "c") and ("a", "bc") differ. */
export class Digest {
  h1 = 0;
  h2 = 0;
  h3 = 0;
  h4 = 0;

  /** Absorbs the bytes `[start, end)` of `view`. */
  update(view: DataView, start: number, end: number): void {
    let { h1, h2, h3, h4 } = this;
    const blocksEnd = start + ((end - start) & ~15);
    let at = start;
    for (; at < blocksEnd; at += 16) {
      h1 ^= scramble(view.getInt32(at, true), C1, 15, C2);
      h1 = Math.imul(rotate(h1, 19) + h2 | 0, 5) + 0x561ccd1b | 0;
      h2 ^= scramble(view.getInt32(at + 4, true), C2, 16, C3);
      h2 = Math.imul(rotate(h2, 17) + h3 | 0, 5) + 0x0bcaa747 | 0;
      h3 ^= scramble(view.getInt32(at + 8, true), C3, 17, C4);
      h3 = Math.imul(rotate(h3, 15) + h4 | 0, 5) + 0x96cd1c35 | 0;
      h4 ^= scramble(view.getInt32(at + 12, true), C4, 18, C1);
      h4 = Math.imul(rotate(h4, 13) + h1 | 0, 5) + 0x32ac3b17 | 0;
    }
    const rest = end - at;
    if (rest > 0) h1 ^= scramble(tailWord(view, at, rest), C1, 15, C2);
    if (rest > 4) h2 ^= scramble(tailWord(view, at + 4, rest - 4), C2, 16, C3);
    if (rest > 8) h3 ^= scramble(tailWord(view, at + 8, rest - 8), C3, 17, C4);
    if (rest > 12) h4 ^= scramble(tailWord(view, at + 12, rest - 12), C4, 18, C1);
    this.#finish(h1, h2, h3, h4, end - start);
  }

  /** Absorbs four 32-bit integers. */
  updateWords(first: number, second: number, third: number, fourth: number): void {
    this.#finish(
      this.h1 ^ scramble(first | 0, C1, 15, C2),
      this.h2 ^ scramble(second | 0, C2, 16, C3),
      this.h3 ^ scramble(third | 0, C3, 17, C4),
      this.h4 ^ scramble(fourth | 0, C4, 18, C1),
      16,
    );
  }

  /** Absorbs another digest. */
  updateDigest({ h1, h2, h3, h4 }: Digest): void {
    this.updateWords(h1, h2, h3, h4);
  }

  #finish(h1: number, h2: number, h3: number, h4: number, length: number): void {
    h1 ^= length;
    h2 ^= length;
    h3 ^= length;
    h4 ^= length;
    h1 = h1 + h2 + h3 + h4 | 0;
    h2 = mixFinal(h2 + h1 | 0);
    h3 = mixFinal(h3 + h1 | 0);
    h4 = mixFinal(h4 + h1 | 0);
    h1 = mixFinal(h1);
    h1 = h1 + h2 + h3 + h4 | 0;
    this.h1 = h1;
    this.h2 = h2 + h1 | 0;
    this.h3 = h3 + h1 | 0;
    this.h4 = h4 + h1 | 0;
  }

  /** The 16 bytes of the digest. */
  toBytes(): Uint8Array<ArrayBuffer> {
    const bytes = new Uint8Array(16);
    const view = new DataView(bytes.buffer);
    view.setInt32(0, this.h1, true);
    view.setInt32(4, this.h2, true);
    view.setInt32(8, this.h3, true);
    view.setInt32(12, this.h4, true);
    return bytes;
  }

  /** Becomes what {@linkcode toBytes} returned. */
  restore(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, 16);
    this.h1 = view.getInt32(0, true);
    this.h2 = view.getInt32(4, true);
    this.h3 = view.getInt32(8, true);
    this.h4 = view.getInt32(12, true);
  }

  /** The digest whose bytes these are. */
  static fromBytes(bytes: Uint8Array): Digest {
    const digest = new Digest();
    digest.restore(bytes);
    return digest;
  }
}

/** `bytes` as lower-case hexadecimal digits. */
export function toHex(bytes: Uint8Array): string {
  let hex = "";
  for (const byte of bytes) hex += byte.toString(16).padStart(2, "0");
  return hex;
}

function tailWord(view: DataView, at: number, rest: number): number {
  if (rest >= 4) return view.getInt32(at, true);
  let word = 0;
  for (let i = rest - 1; i >= 0; i--) word = word << 8 | view.getUint8(at + i);
  return word;
}

function scramble(word: number, first: number, bits: number, second: number): number {
  return Math.imul(rotate(Math.imul(word, first), bits), second);
}

function rotate(word: number, bits: number): number {
  return word << bits | word >>> 32 - bits;
}

function mixFinal(word: number): number {
  word ^= word >>> 16;
  word = Math.imul(word, 0x85ebca6b);
  word ^= word >>> 13;
  word = Math.imul(word, 0xc2b2ae35);
  return word ^ word >>> 16;
}
