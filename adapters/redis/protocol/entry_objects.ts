/**
 * Whole entries as JSON objects: every field is a member whose value is a text. Written byte by byte into one buffer,
 * without an object per entry; bytes that JSON has to escape are, all others stay as they are.
 */

import type { Batch } from "../../../engine/batch.ts";
import type { ReplyReader } from "./resp.ts";

const QUOTE = 34;
const BACKSLASH = 92;
const COLON = 58;
const COMMA = 44;
const OPEN = 123;
const CLOSE = 125;
const SPACE = 32;
const HEX = new TextEncoder().encode("0123456789abcdef");
const ESCAPE = new TextEncoder().encode("\\u00");
/** Of a byte that is escaped. */
const ESCAPED_BYTES = 6;
/** Braces, quotes, a colon and a comma. */
const FRAME_BYTES = 8;

/** See the module. */
export class EntryObjects {
  readonly #from: Uint8Array;
  readonly #ranges: Uint32Array;
  readonly #key: Uint8Array | undefined;
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;

  /** @param key the field that is a record's key besides */
  constructor({ bytes, ranges }: Pick<Batch, "bytes" | "ranges">, key: Uint8Array | undefined) {
    this.#from = bytes;
    this.#ranges = ranges;
    this.#key = key;
    this.#bytes = new Uint8Array(2 * bytes.length);
  }

  /** The objects, and the keys behind them. */
  get bytes(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** Writes the entry whose `words` names and values `reader` stands before. */
  add(row: number, words: number, reader: ReplyReader): void {
    const start = this.#at;
    let [keyStart, keyEnd] = [-1, -1];
    this.#byte(OPEN);
    for (let word = 0; word < words; word += 2) {
      if (word > 0) this.#byte(COMMA);
      const nameLength = reader.bulk();
      const isKey = this.#key !== undefined && reader.passed(nameLength, this.#key);
      this.#text(reader.at - 2 - nameLength, reader.at - 2);
      this.#byte(COLON);
      const length = reader.bulk();
      if (isKey) [keyStart, keyEnd] = [reader.at - 2 - length, reader.at - 2];
      this.#text(reader.at - 2 - length, reader.at - 2);
    }
    this.#byte(CLOSE);
    this.#ranges.set([start, this.#at], 4 * row + 2);
    if (keyStart >= 0) this.#copyKey(row, keyStart, keyEnd);
  }

  #copyKey(row: number, start: number, end: number): void {
    this.#reserve(end - start);
    this.#bytes.set(this.#from.subarray(start, end), this.#at);
    this.#ranges.set([this.#at, this.#at += end - start], 4 * row);
  }

  #text(start: number, end: number): void {
    this.#reserve(ESCAPED_BYTES * (end - start));
    this.#byte(QUOTE);
    for (let at = start; at < end; at++) {
      const byte = this.#from[at];
      if (byte < SPACE) this.#escape(byte);
      else if (byte === QUOTE || byte === BACKSLASH) {
        this.#bytes[this.#at++] = BACKSLASH;
        this.#bytes[this.#at++] = byte;
      } else this.#bytes[this.#at++] = byte;
    }
    this.#byte(QUOTE);
  }

  #escape(byte: number): void {
    this.#bytes.set(ESCAPE, this.#at);
    this.#bytes[this.#at + 4] = HEX[byte >> 4];
    this.#bytes[this.#at + 5] = HEX[byte & 15];
    this.#at += ESCAPED_BYTES;
  }

  #byte(byte: number): void {
    this.#reserve(1);
    this.#bytes[this.#at++] = byte;
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes + FRAME_BYTES;
    if (needed <= this.#bytes.length) return;
    this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(needed, 2 * this.#bytes.length)));
  }
}
