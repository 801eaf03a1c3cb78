/** What a processor emits, and how a feed's outputs are packed. */

import { FloatColumn, IntColumn } from "./columns.ts";
import { TextBuffer } from "./text_buffer.ts";

/** One output of a processor. */
export interface Output<T = unknown> {
  /** `null` is a tombstone: a keyed sink deletes the key. */
  readonly value: T | null;
  /** The routing value, if any. */
  readonly key?: string | null;
  /** Milliseconds since the epoch; the record's logical time unless given. */
  readonly timeMs?: number;
}

/** The outputs of a feed as text, with their lengths in UTF-16 code units. */
export interface OutputColumns {
  /** The values, each followed by a line feed, which line-based sinks then write as they are; in pieces. */
  readonly values: readonly string[];
  /** The keys, one after the other; in pieces. */
  readonly keys: readonly string[];
  /** Per output; -1 marks an absent value or key. */
  readonly valueLengths: Int32Array<ArrayBuffer>;
  readonly keyLengths: Int32Array<ArrayBuffer>;
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** Per output, the index of its name among the processor's outputs. */
  readonly names: Int32Array<ArrayBuffer>;
}

/** The outputs of a feed as bytes. */
export interface PackedOutputs {
  /** How many outputs there are. */
  readonly count: number;
  /** The values, each followed by a line feed. */
  readonly values: Uint8Array<ArrayBuffer>;
  /** The keys, one after the other. */
  readonly keys: Uint8Array<ArrayBuffer>;
  /** Bytes per output; -1 marks an absent value or key. */
  readonly valueLengths: Int32Array<ArrayBuffer>;
  /** Bytes per key; -1 marks an absent one. */
  readonly keyLengths: Int32Array<ArrayBuffer>;
  /** Milliseconds since the epoch per output. */
  readonly timesMs: Float64Array<ArrayBuffer>;
  /** Per output, the index of its name among the processor's outputs. */
  readonly names: Int32Array<ArrayBuffer>;
  /** Whether no value can contain a line feed. */
  readonly isSingleLine: boolean;
}

/** Collects outputs; those of a failed record can be taken back. */
export class OutputBuffer {
  readonly #values = new TextBuffer();
  readonly #keys = new TextBuffer();
  readonly #valueLengths = new IntColumn();
  readonly #keyLengths = new IntColumn();
  readonly #timesMs = new FloatColumn();
  readonly #names = new IntColumn();
  #keptLength = 0;

  get length(): number {
    return this.#names.length;
  }

  push(value: string | null, key: string | null, timeMs: number, name: number): void {
    this.#values.append(value === null ? "\n" : value + "\n");
    this.#valueLengths.push(value === null ? -1 : value.length);
    if (key !== null) this.#keys.append(key);
    this.#keyLengths.push(key === null ? -1 : key.length);
    this.#timesMs.push(timeMs);
    this.#names.push(name);
  }

  /** Keeps the outputs of the record under way. */
  keep(): void {
    this.#values.keep();
    this.#keys.keep();
    this.#keptLength = this.length;
  }

  /** Takes back the outputs of the record under way. */
  rollback(): void {
    this.#values.rollback();
    this.#keys.rollback();
    this.#truncate(this.#keptLength);
  }

  /** Takes everything; the buffer is empty afterwards. */
  take(): OutputColumns {
    const columns = {
      values: this.#values.take(),
      keys: this.#keys.take(),
      valueLengths: this.#valueLengths.toArray(),
      keyLengths: this.#keyLengths.toArray(),
      timesMs: this.#timesMs.toArray(),
      names: this.#names.toArray(),
    };
    this.#keptLength = 0;
    this.#truncate(0);
    return columns;
  }

  #truncate(length: number): void {
    for (const column of [this.#valueLengths, this.#keyLengths, this.#timesMs, this.#names]) column.length = length;
  }
}
