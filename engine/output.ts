/** What a processor emits, and how a feed's outputs are packed. */

import { FloatColumn, IntColumn } from "./columns.ts";
import { type HeadersInit, headersToJson } from "./headers.ts";
import { TextBuffer } from "./text_buffer.ts";

/** One output of a processor. */
export interface Output<T = unknown> {
  /** `null` is a tombstone: a keyed sink deletes the key. */
  readonly value: T | null;
  /** The routing value, if any. */
  readonly key?: string | null;
  /** Milliseconds since the epoch; the record's logical time unless given. */
  readonly timeMs?: number;
  /** What travels beside key and value, where the sink has headers. */
  readonly headers?: HeadersInit;
  /** The partition it goes to, where the sink has partitions; the key decides unless given. */
  readonly partition?: number;
}

/** Headers and explicit partitions, of the outputs that have any; a row for each such output. */
export interface ExtraColumns<Headers> {
  /** Which outputs, counted from 0, rising. */
  readonly rows: Int32Array<ArrayBuffer>;
  /** Where they go; -1 leaves it to the key. */
  readonly partitions: Int32Array<ArrayBuffer>;
  /** Their headers as JSON (`headersToJson`), one after the other. */
  readonly headers: Headers;
  /** -1 for an output without headers. */
  readonly headerLengths: Int32Array<ArrayBuffer>;
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
  /** Absent where no output has any; headers in pieces. */
  readonly extras?: ExtraColumns<readonly string[]>;
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
  /** Absent where no output has any. */
  readonly extras?: ExtraColumns<Uint8Array<ArrayBuffer>>;
}

/** Collects outputs; those of a failed record can be taken back. */
export class OutputBuffer {
  readonly #values = new TextBuffer();
  readonly #keys = new TextBuffer();
  readonly #valueLengths = new IntColumn();
  readonly #keyLengths = new IntColumn();
  readonly #timesMs = new FloatColumn();
  readonly #names = new IntColumn();
  readonly #extras = new ExtraBuffer();
  /** How many outputs there are; for all to read, and for the buffer to write. */
  length = 0;
  #keptLength = 0;

  push(value: string | null, key: string | null, timeMs: number, name: number): void {
    this.#values.append(value === null ? "\n" : value + "\n");
    this.#valueLengths.push(value === null ? -1 : value.length);
    if (key !== null) this.#keys.append(key);
    this.#keyLengths.push(key === null ? -1 : key.length);
    this.#timesMs.push(timeMs);
    this.#names.push(name);
    this.length++;
  }

  /** Adds headers or a partition to the output that was pushed last. */
  addExtras(headers: HeadersInit | undefined, partition: number | undefined): void {
    this.#extras.push(this.length - 1, headers, partition);
  }

  /** Keeps the outputs of the record under way. */
  keep(): void {
    this.#values.keep();
    this.#keys.keep();
    if (this.#extras.length > this.#extras.keptLength) this.#extras.keep();
    this.#keptLength = this.length;
  }

  /** Takes back the outputs of the record under way. */
  rollback(): void {
    this.#values.rollback();
    this.#keys.rollback();
    this.#extras.rollback();
    this.#truncate(this.#keptLength);
  }

  /** Takes everything; the buffer is empty afterwards. */
  take(): OutputColumns {
    const extras = this.#extras.take();
    const columns = {
      values: this.#values.take(),
      keys: this.#keys.take(),
      valueLengths: this.#valueLengths.toArray(),
      keyLengths: this.#keyLengths.toArray(),
      timesMs: this.#timesMs.toArray(),
      names: this.#names.toArray(),
      ...(extras ? { extras } : {}),
    };
    this.#keptLength = 0;
    this.#truncate(0);
    return columns;
  }

  #truncate(length: number): void {
    this.length = length;
    for (const column of [this.#valueLengths, this.#keyLengths, this.#timesMs, this.#names]) column.length = length;
  }
}

/** Collects headers and partitions of the few outputs that have any. */
class ExtraBuffer {
  readonly #rows = new IntColumn();
  readonly #partitions = new IntColumn();
  readonly #headers = new TextBuffer();
  readonly #headerLengths = new IntColumn();
  length = 0;
  keptLength = 0;

  push(row: number, headers: HeadersInit | undefined, partition: number | undefined): void {
    const json = headers === undefined ? "" : headersToJson(headers);
    this.#headers.append(json);
    this.#headerLengths.push(headers === undefined ? -1 : json.length);
    this.#rows.push(row);
    this.#partitions.push(partition ?? -1);
    this.length++;
  }

  keep(): void {
    this.#headers.keep();
    this.keptLength = this.length;
  }

  rollback(): void {
    this.#headers.rollback();
    this.#truncate(this.keptLength);
  }

  take(): ExtraColumns<readonly string[]> | undefined {
    if (this.length === 0) return undefined;
    const extras = {
      rows: this.#rows.toArray(),
      partitions: this.#partitions.toArray(),
      headers: this.#headers.take(),
      headerLengths: this.#headerLengths.toArray(),
    };
    this.keptLength = 0;
    this.#truncate(0);
    return extras;
  }

  #truncate(length: number): void {
    this.length = length;
    for (const column of [this.#rows, this.#partitions, this.#headerLengths]) column.length = length;
  }
}
