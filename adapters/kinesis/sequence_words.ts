/**
 * Sequence numbers as the words of offsets, without a big number per record.
 *
 * The numbers of a page are alike in all but their last digits. What comes before the last fifteen is converted once, and
 * those are added as a number that a double holds exactly.
 */

import { OFFSET_WIDTH, offsetOf } from "./position.ts";
import { writeOffset } from "../../engine/batch.ts";

const LOW_DIGITS = 15;
const LOW_UNIT = 10n ** 15n;
const WORD = 0x1_0000_0000;

/** Converts the numbers of one page, in order. */
export class SequenceWords {
  #prefix = "";
  /** The offset of the number whose last digits are zeros. */
  readonly #base = new Uint32Array(OFFSET_WIDTH);
  readonly #current = new Uint32Array(OFFSET_WIDTH);

  /** Takes a sequence number in decimal digits. */
  take(digits: string): void {
    const cut = Math.max(0, digits.length - LOW_DIGITS);
    const prefix = digits.slice(0, cut);
    if (prefix !== this.#prefix) {
      this.#prefix = prefix;
      writeOffset(this.#base, OFFSET_WIDTH, 0, offsetOf(BigInt(prefix) * LOW_UNIT, 0));
    }
    const low = Number(digits.slice(cut));
    if (!Number.isInteger(low) || low < 0) throw new TypeError(`${JSON.stringify(digits)} is no sequence number`);
    this.#add(low);
  }

  /** Word 0 is the place in an aggregate; the number begins with word 1. */
  #add(low: number): void {
    const high = Math.floor(low / WORD);
    let sum = this.#base[1] + (low - high * WORD);
    this.#current[1] = sum;
    sum = this.#base[2] + high + (sum >= WORD ? 1 : 0);
    this.#current[2] = sum;
    for (let word = 3; word < OFFSET_WIDTH; word++) {
      sum = this.#base[word] + (sum >= WORD ? 1 : 0);
      this.#current[word] = sum;
    }
  }

  /** Writes the offset of the record at place `sub` as the words of `row`. */
  write(words: Uint32Array, row: number, sub: number): void {
    words[row * OFFSET_WIDTH] = sub;
    for (let word = 1; word < OFFSET_WIDTH; word++) words[row * OFFSET_WIDTH + word] = this.#current[word];
  }
}
