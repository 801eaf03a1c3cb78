/** Words of a command, written as bulk strings into one buffer that grows. */

const DOLLAR = 36;
const ZERO = 48;
const CARRIAGE_RETURN = 13;
const LINE_FEED = 10;
/** `$<length>\r\n` and `\r\n` at their longest. */
const FRAME_BYTES = 24;
/** Up to here a loop is faster than a view and a copy. */
const LOOP_BYTES_MAX = 48;
/** Leading zeros are read as what they are. */
const LATER_DIGITS = 9;
const encoder = new TextEncoder();

/** See the module. */
export class BulkWriter {
  #bytes: Uint8Array<ArrayBuffer>;
  #at = 0;
  #words = 0;

  /** @param words about so many, with so many `bytes` in all */
  constructor(words: number, bytes: number) {
    this.#bytes = new Uint8Array(bytes + words * FRAME_BYTES);
  }

  /** How many words were written. */
  get words(): number {
    return this.#words;
  }

  get written(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.#at);
  }

  /** A word that is `[start, end)` of `from`. */
  bytes(from: Uint8Array, start: number, end: number): void {
    this.#head(end - start);
    const to = this.#bytes;
    let at = this.#at;
    if (end - start > LOOP_BYTES_MAX) {
      to.set(from.subarray(start, end), at);
      at += end - start;
    } else {
      for (let byte = start; byte < end; byte++) to[at++] = from[byte];
    }
    this.#at = at;
    this.#lineEnd();
  }

  /** A word that is a text or bytes. */
  word(word: string | Uint8Array): void {
    const bytes = typeof word === "string" ? encoder.encode(word) : word;
    this.bytes(bytes, 0, bytes.length);
  }

  /** A word that is a whole number, 0 or more. */
  number(value: number): void {
    const digits = digitsOf(value);
    this.#head(digits);
    this.#digits(value, digits);
    this.#lineEnd();
  }

  /** A number that is known only later, of {@linkcode LATER_DIGITS} digits; answers what {@linkcode set} needs to know. */
  later(): number {
    this.#head(LATER_DIGITS);
    const at = this.#at;
    this.#digits(0, LATER_DIGITS);
    this.#lineEnd();
    return at;
  }

  /** Writes the number that was left open at `at`. */
  set(at: number, value: number): void {
    const end = this.#at;
    this.#at = at;
    this.#digits(value, LATER_DIGITS);
    this.#at = end;
  }

  #head(length: number): void {
    this.#words++;
    const needed = this.#at + length + FRAME_BYTES;
    if (needed > this.#bytes.length) {
      this.#bytes = new Uint8Array(this.#bytes.buffer.transfer(Math.max(needed, 2 * this.#bytes.length)));
    }
    this.#bytes[this.#at++] = DOLLAR;
    this.#digits(length, digitsOf(length));
    this.#lineEnd();
  }

  #digits(value: number, digits: number): void {
    for (let at = this.#at + digits - 1; at >= this.#at; at--) {
      this.#bytes[at] = ZERO + value % 10;
      value = Math.floor(value / 10);
    }
    this.#at += digits;
  }

  #lineEnd(): void {
    this.#bytes[this.#at++] = CARRIAGE_RETURN;
    this.#bytes[this.#at++] = LINE_FEED;
  }
}

function digitsOf(value: number): number {
  let digits = 1;
  for (; value >= 10; value = Math.floor(value / 10)) digits++;
  return digits;
}
