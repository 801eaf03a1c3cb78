/**
 * Files as streams: one partition per file, lines as records, the position in bytes as the offset.
 *
 * `file:orders.ndjson` is a stream of one partition; a folder or a glob is a stream with a partition per file, named by
 * its path below the folder. A file that grows is followed unless the run is bounded, and files that come are noticed; a
 * last line without line feed is a record only where it is bounded.
 */

import { basename, resolve } from "node:path";
import { ABSENT, type Batch, positionAt } from "../../engine/batch.ts";
import { type ReadLimit, type ReadResult, type Source, SourceError, type SourcePartition } from "../source.ts";
import { type FieldNames, withFields } from "../../formats/fields.ts";
import { batchOfLines } from "../../formats/lines.ts";
import { findFiles, pathOf } from "./find_files.ts";
import { type Layout, layoutOf } from "./layout.ts";
import { FileTail } from "./tail.ts";

/** A record longer than this stops the run: it would not fit into memory several times over. */
export const RECORD_BYTES_MAX = 256 * 1024 * 1024;

const FOLLOW_POLL_MS = 200;

/** How to read files. */
export interface FileSourceOptions {
  /** A file, a folder, or a glob. */
  readonly path: string;
  /** Whether the files are complete: their end is the end of the stream. */
  readonly isBounded: boolean;
  /** The fields of a JSON record that hold its key and its time. */
  readonly fields: FieldNames;
  /** A longer record stops the run. */
  readonly recordBytesMax: number;
  /** Something a person should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** See the module. */
export class FileSource implements Source {
  /** The name of its one stream: the last part of the path. */
  readonly stream: string;
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime: boolean;
  readonly #options: FileSourceOptions;
  readonly #tails = new Map<string, FileTail>();
  readonly #layouts = new Map<string, Layout>();
  #paths: ReadonlyMap<string, string> | undefined;
  #hasSeenRecords = false;

  /** Nothing is opened before it is read. */
  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.stream = basename(options.path);
    this.identity = resolve(options.path);
    this.hasEventTime = options.fields.time !== undefined;
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    this.#paths = await this.#files();
    return [...this.#paths.keys()].map((partition) => ({ stream: this.stream, partition }));
  }

  async #files(): Promise<ReadonlyMap<string, string>> {
    const { path, isBounded, onNotice } = this.#options;
    if (this.#paths) {
      // A single file may be away for a moment while it is replaced.
      const isFixed = isBounded || this.#paths.get("0") === path;
      return isFixed ? this.#paths : await findFiles(path, this.stream).catch(() => this.#paths!);
    }
    const found = await findFiles(path, this.stream);
    if (found.size === 0) onNotice?.(`No file is called ${path} yet: nothing is read of it`);
    return found;
  }

  start(): Promise<bigint> {
    return Promise.resolve(0n);
  }

  async latest({ partition }: SourcePartition): Promise<bigint> {
    return BigInt((this.#tails.get(partition) ?? await this.#tail(partition)).size);
  }

  anchorAt(batch: Batch, rows: number): string | undefined {
    return this.#tails.get(batch.partition)?.anchor(Number(positionAt(batch, rows)));
  }

  async verify({ partition }: SourcePartition, position: bigint, anchor: string | undefined): Promise<void> {
    (await this.#tail(partition)).verify(position, anchor);
  }

  async read({ partition }: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const tail = this.#tails.get(partition) ?? await this.#tail(partition);
    const isBounded = this.#options.isBounded || tail.isConverted;
    const layout = this.#layouts.get(partition) ?? await this.#layout(partition, tail, isBounded);
    if (!layout) return idleAt(tail, from);
    const start = Math.max(Number(from), layout.start);
    for (let size = tail.readBytes(limit.bytesMax);; size *= 2) {
      const bytes = tail.read(start, Math.min(size, this.#options.recordBytesMax + 1));
      const isAtEnd = bytes.length < size && start + bytes.length >= tail.size;
      const chunk = { bytes, position: BigInt(start) };
      const lines = layout.find(chunk, limit.recordsMax, isAtEnd && isBounded);
      if (lines.count > 0) {
        tail.noteRead(lines.length, lines.count < limit.recordsMax);
        const batch = batchOfLines(chunk, lines, { stream: this.stream, partition });
        return { kind: "batch", batch: this.#complete(layout.decode(batch), tail) };
      }
      if (isAtEnd) return isBounded ? { kind: "ended" } : idleAt(tail, from);
      if (bytes.length > this.#options.recordBytesMax) throw this.#tooLong(partition, from);
    }
  }

  #complete(batch: Batch, tail: FileTail): Batch {
    const completed = withFields({ ...batch, anchor: tail.anchor(Number(batch.next)) }, this.#options.fields);
    if (!this.#hasSeenRecords) this.#noteMissing(completed);
    this.#hasSeenRecords = true;
    return completed;
  }

  /** A field that no record has may be a mistake in its name: keys and times would be missing in silence. */
  #noteMissing({ count, ranges, eventTimesMs }: Batch): void {
    const { path, fields: { key, time }, onNotice } = this.#options;
    const rows = Array.from({ length: count }, (_, row) => row);
    const note = (what: string) => onNotice?.(`No record of ${path} has ${what} so far; is that its name?`);
    if (key !== undefined && rows.every((row) => ranges[4 * row] === ABSENT)) note(`a key in the field ${key}`);
    if (time !== undefined && eventTimesMs?.every(Number.isNaN)) note(`a time in the field ${time}`);
  }

  async #layout(partition: string, tail: FileTail, isBounded: boolean): Promise<Layout | undefined> {
    const layout = await layoutOf(pathOf(this.#options.path, partition), tail, isBounded);
    if (layout) this.#layouts.set(partition, layout);
    return layout;
  }

  waitForMore(_at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener("abort", done);
        resolve();
      };
      const timer = setTimeout(done, FOLLOW_POLL_MS);
      signal.addEventListener("abort", done);
    });
  }

  /** Gives back what is open. */
  close(): Promise<void> {
    for (const tail of this.#tails.values()) tail.close();
    this.#tails.clear();
    return Promise.resolve();
  }

  async #tail(partition: string): Promise<FileTail> {
    const path = pathOf(this.#options.path, partition);
    const tail = await FileTail.open({ path, stream: this.stream, partition });
    this.#tails.set(partition, tail);
    return tail;
  }

  #tooLong(partition: string, offset: bigint): SourceError {
    const { recordBytesMax, path } = this.#options;
    return new SourceError(
      `Cannot read ${
        pathOf(path, partition)
      }: the record at byte ${offset} is longer than ${recordBytesMax} bytes; raise the limit with ?recordBytesMax=`,
      { code: "E_RECORD_TOO_LONG", stream: this.stream, partition, offset },
    );
  }
}

/** Nothing more for now, unless the file has become shorter than what was read, or is another one. */
function idleAt(tail: FileTail, from: bigint): ReadResult {
  tail.verify(from, undefined);
  tail.followName(from);
  return { kind: "idle" };
}
