/** Fills the columns of a batch from records as they are decoded; columns grow by doubling. */

import { ABSENT, type Batch } from "../../../engine/batch.ts";
import type { HeaderColumns } from "../../../engine/headers.ts";
import { copyBytes } from "./copy_bytes.ts";

const WORD = 0x1_0000_0000;

/** See the module. */
export class BatchPacker {
  #count = 0;
  #bytes: Uint8Array<ArrayBuffer>;
  #view: DataView;
  #length = 0;
  #ranges: Uint32Array<ArrayBuffer>;
  #offsetWords: Uint32Array<ArrayBuffer>;
  #timesMs: Float64Array<ArrayBuffer>;
  #headers: HeaderPacker | undefined;

  /** The hints are what it begins with, not limits. */
  constructor(bytesHint: number, recordsHint: number) {
    this.#bytes = new Uint8Array(bytesHint);
    this.#view = new DataView(this.#bytes.buffer);
    this.#ranges = new Uint32Array(4 * recordsHint);
    this.#offsetWords = new Uint32Array(2 * recordsHint);
    this.#timesMs = new Float64Array(recordsHint);
  }

  get count(): number {
    return this.#count;
  }

  /** Adds a record whose key and value lie in `from`; a length of -1 is null. */
  add(
    from: DataView,
    keyAt: number,
    keyLength: number,
    valueAt: number,
    valueLength: number,
    timeMs: number,
    offset: number,
  ): void {
    const row = this.#count++;
    if (row === this.#timesMs.length) this.#growColumns();
    const needed = this.#length + Math.max(keyLength, 0) + Math.max(valueLength, 0);
    if (needed > this.#bytes.length) this.#growBytes(needed);
    this.#timesMs[row] = timeMs;
    this.#offsetWords[2 * row] = offset;
    this.#offsetWords[2 * row + 1] = offset / WORD;
    this.#field(4 * row, from, keyAt, keyLength);
    this.#field(4 * row + 2, from, valueAt, valueLength);
  }

  /** Adds a header to the record that was added last; a value's length of -1 is null. */
  addHeader(from: Uint8Array, nameAt: number, nameLength: number, valueAt: number, valueLength: number): void {
    this.#headers ??= new HeaderPacker();
    this.#headers.add(this.#count - 1, from.subarray(nameAt, nameAt + nameLength));
    this.#headers.finish(valueLength < 0 ? undefined : from.subarray(valueAt, valueAt + valueLength));
  }

  /** The batch; `next` is the position behind it. */
  finish(stream: string, partition: string, next: bigint): Batch {
    const count = this.#count;
    return {
      stream,
      partition,
      count,
      bytes: this.#bytes.subarray(0, this.#length),
      ranges: this.#ranges.slice(0, 4 * count),
      offsetWords: this.#offsetWords.slice(0, 2 * count),
      offsetWidth: 2,
      eventTimesMs: this.#timesMs.slice(0, count),
      ...(this.#headers ? { headers: this.#headers.columns(count) } : {}),
      next,
    };
  }

  #field(range: number, from: DataView, at: number, length: number): void {
    if (length < 0) {
      this.#ranges[range] = this.#ranges[range + 1] = ABSENT;
      return;
    }
    this.#ranges[range] = this.#length;
    this.#length = copyBytes(from, at, at + length, this.#view, this.#length);
    this.#ranges[range + 1] = this.#length;
  }

  #growBytes(atLeast: number): void {
    const larger = new Uint8Array(2 * atLeast);
    larger.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = larger;
    this.#view = new DataView(larger.buffer);
  }

  #growColumns(): void {
    const records = 2 * this.#timesMs.length + 16;
    this.#ranges = grown(new Uint32Array(4 * records), this.#ranges);
    this.#offsetWords = grown(new Uint32Array(2 * records), this.#offsetWords);
    this.#timesMs = grown(new Float64Array(records), this.#timesMs);
  }
}

/** Headers are rare: plain arrays do. */
class HeaderPacker {
  readonly #rows: number[] = [];
  readonly #parts: Uint8Array[] = [];
  readonly #ranges: number[] = [];
  #length = 0;

  add(row: number, name: Uint8Array): void {
    this.#rows.push(row);
    this.#field(name);
  }

  finish(value: Uint8Array | undefined): void {
    if (value === undefined) this.#ranges.push(ABSENT, ABSENT);
    else this.#field(value);
  }

  columns(rows: number): HeaderColumns {
    const bytes = new Uint8Array(this.#length);
    let at = 0;
    for (const part of this.#parts) {
      bytes.set(part, at);
      at += part.length;
    }
    const starts = new Uint32Array(rows + 1);
    for (const row of this.#rows) starts[row + 1]++;
    for (let row = 0; row < rows; row++) starts[row + 1] += starts[row];
    return { bytes, starts, ranges: Uint32Array.from(this.#ranges) };
  }

  #field(bytes: Uint8Array): void {
    // The answer they lie in is overwritten by the next one.
    this.#parts.push(bytes.slice());
    this.#ranges.push(this.#length, this.#length += bytes.length);
  }
}

function grown<Column extends { set(from: Column): void }>(to: Column, from: Column): Column {
  to.set(from);
  return to;
}
