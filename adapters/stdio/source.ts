/**
 * Standard input as a stream: lines as records, the position in bytes as the offset.
 *
 * It can be read only once, so bytes stay here until they are committed, and the journal keeps the inputs. A run that
 * goes on after a crash is piped the same bytes again: what is committed is passed over and checked by its anchor.
 */

import { crc32 } from "node:zlib";
import { batchOfLines, findLines } from "../../formats/lines.ts";
import { type ReadLimit, type ReadResult, type Source, SourceError, type SourcePartition } from "../source.ts";
import { type FieldNames, withFields } from "../../formats/fields.ts";

/** How much is read ahead of what is committed. */
const BUFFER_BYTES_MAX = 16 * 1024 * 1024;
const READ_BYTES = 256 * 1024;
const ANCHOR_BYTES = 4096;

/** How to read standard input. */
export interface StdioSourceOptions {
  readonly fields: FieldNames;
  readonly recordBytesMax: number;
}

/** See the module. */
export class StdioSource implements Source {
  readonly stream = "stdin";
  readonly identity = "stdin";
  readonly isRereadable = false;
  readonly hasEventTime: boolean;
  readonly #options: StdioSourceOptions;
  #buffer = new Uint8Array(0);
  /** The position of the first byte in the buffer. */
  #position = 0;
  /** Everything before it is committed; the anchor's bytes behind it stay. */
  #released = 0;
  #hasEnded = false;
  #reading: Promise<void> | undefined;

  constructor(options: StdioSourceOptions) {
    this.#options = options;
    this.hasEventTime = options.fields.time !== undefined;
  }

  partitions(): Promise<readonly SourcePartition[]> {
    return Promise.resolve([{ stream: this.stream, partition: "0" }]);
  }

  start(): Promise<bigint> {
    return Promise.resolve(0n);
  }

  async verify(_at: SourcePartition, position: bigint, anchor: string | undefined): Promise<void> {
    const target = Number(position);
    while (this.#end < target && !this.#hasEnded) {
      this.#drop(this.#end - ANCHOR_BYTES);
      await this.#fill();
    }
    if (this.#end >= target && (anchor === undefined || this.#anchor(target) === anchor)) return;
    throw new SourceError(
      `Cannot go on reading standard input: its first ${position} bytes are not what the run has read; ` +
        "pipe the same data again, or use another --name",
      { code: "E_SOURCE_CHANGED", stream: this.stream, partition: "0", offset: position },
    );
  }

  async read({ partition }: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const start = from === 0n ? this.#skipBom() : Number(from);
    for (let size = limit.bytesMax;; size *= 2) {
      const bytes = this.#buffer.slice(start - this.#position, start - this.#position + size);
      const isAtEnd = this.#hasEnded && start + bytes.length === this.#end;
      const chunk = { bytes, position: BigInt(start) };
      const lines = findLines(chunk, limit.recordsMax, isAtEnd);
      if (lines.count > 0) {
        const batch = batchOfLines(chunk, lines, { stream: this.stream, partition });
        return {
          kind: "batch",
          batch: withFields({ ...batch, anchor: this.#anchor(Number(batch.next)) }, this.#options.fields),
        };
      }
      if (isAtEnd) return { kind: "ended" };
      if (bytes.length > this.#options.recordBytesMax) throw this.#tooLong(from);
      if (bytes.length < size) {
        if (bytes.length < BUFFER_BYTES_MAX) return { kind: "idle" };
        await this.#fill();
      }
    }
  }

  async waitForMore(_at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    const aborted = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
    await Promise.race([this.#fill(), aborted]);
  }

  release(_at: SourcePartition, position: bigint): void {
    this.#released = Number(position);
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  get #end(): number {
    return this.#position + this.#buffer.length;
  }

  #fill(): Promise<void> {
    return this.#reading ??= this.#readMore().finally(() => this.#reading = undefined);
  }

  async #readMore(): Promise<void> {
    if (this.#hasEnded) return;
    this.#drop(this.#released - ANCHOR_BYTES);
    const bytes = new Uint8Array(READ_BYTES);
    const length = await Deno.stdin.read(bytes);
    if (length === null) {
      this.#hasEnded = true;
      return;
    }
    const joined = new Uint8Array(this.#buffer.length + length);
    joined.set(this.#buffer);
    joined.set(bytes.subarray(0, length), this.#buffer.length);
    this.#buffer = joined;
  }

  #drop(before: number): void {
    if (before - this.#position < READ_BYTES) return;
    this.#buffer = this.#buffer.slice(before - this.#position);
    this.#position = before;
  }

  #anchor(position: number): string {
    const end = position - this.#position;
    return crc32(this.#buffer.subarray(Math.max(0, end - ANCHOR_BYTES), end)).toString(16);
  }

  #skipBom(): number {
    return this.#buffer[0] === 0xef && this.#buffer[1] === 0xbb && this.#buffer[2] === 0xbf ? 3 : 0;
  }

  #tooLong(offset: bigint): SourceError {
    return new SourceError(
      `Cannot read standard input: the record at byte ${offset} is longer than ${this.#options.recordBytesMax} bytes`,
      { code: "E_RECORD_TOO_LONG", stream: this.stream, partition: "0", offset },
    );
  }
}
