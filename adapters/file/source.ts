/**
 * Files as streams: one partition per file, lines as records, the position in bytes as the offset.
 *
 * `file:orders.ndjson` is a stream of one partition; a folder or a glob is a stream with a partition per file, named by
 * its path below the folder. A file that grows is followed unless the run is bounded; a last line without line feed is
 * a record only then.
 */

import { basename, dirname, globToRegExp, isGlob, join, relative, resolve } from "@std/path";
import type { Batch } from "../../engine/batch.ts";
import { type ReadLimit, type ReadResult, type Source, SourceError } from "../source.ts";
import { type FieldNames, withFields } from "../../formats/fields.ts";
import { batchOfLines, findLines } from "../../formats/lines.ts";
import { cannotRead, FileTail } from "./tail.ts";

/** A record longer than this stops the run: it would not fit into memory several times over. */
export const RECORD_BYTES_MAX = 256 * 1024 * 1024;

const FOLLOW_POLL_MS = 200;
const UTF8_BOM = [0xef, 0xbb, 0xbf];

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
}

/** See the module. */
export class FileSource implements Source {
  readonly stream: string;
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime: boolean;
  readonly #options: FileSourceOptions;
  readonly #tails = new Map<string, FileTail>();
  #paths: ReadonlyMap<string, string> | undefined;

  /** Nothing is opened before it is read. */
  constructor(options: FileSourceOptions) {
    this.#options = options;
    this.stream = basename(options.path);
    this.identity = resolve(options.path);
    this.hasEventTime = options.fields.time !== undefined;
  }

  async partitions(): Promise<readonly string[]> {
    this.#paths ??= await findFiles(this.#options.path, this.stream);
    return [...this.#paths.keys()];
  }

  earliest(): Promise<bigint> {
    return Promise.resolve(0n);
  }

  verify(partition: string, position: bigint, anchor: string | undefined): Promise<void> {
    this.#tail(partition).verify(position, anchor);
    return Promise.resolve();
  }

  read(partition: string, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    return Promise.resolve(this.#read(partition, from, limit));
  }

  #read(partition: string, from: bigint, limit: ReadLimit): ReadResult {
    const tail = this.#tail(partition);
    const start = from === 0n ? this.#skipBom(tail) : Number(from);
    for (let size = limit.bytesMax;; size *= 2) {
      const bytes = tail.read(start, Math.min(size, this.#options.recordBytesMax + 1));
      const isAtEnd = bytes.length < size && start + bytes.length >= tail.size;
      const chunk = { bytes, position: BigInt(start) };
      const lines = findLines(chunk, limit.recordsMax, isAtEnd && this.#options.isBounded);
      if (lines.count > 0) {
        const batch = batchOfLines(chunk, lines, { stream: this.stream, partition });
        return { kind: "batch", batch: this.#complete(batch, tail) };
      }
      if (isAtEnd) return this.#atEnd(tail, from);
      if (bytes.length > this.#options.recordBytesMax) throw this.#tooLong(partition, from);
    }
  }

  #complete(batch: Batch, tail: FileTail): Batch {
    return withFields({ ...batch, anchor: tail.anchor(Number(batch.next)) }, this.#options.fields);
  }

  #atEnd(tail: FileTail, from: bigint): ReadResult {
    if (this.#options.isBounded) return { kind: "ended" };
    tail.verify(from, undefined);
    return { kind: "idle" };
  }

  #skipBom(tail: FileTail): number {
    const start = tail.read(0, UTF8_BOM.length);
    return UTF8_BOM.every((byte, i) => start[i] === byte) ? UTF8_BOM.length : 0;
  }

  waitForMore(signal: AbortSignal): Promise<void> {
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

  #tail(partition: string): FileTail {
    let tail = this.#tails.get(partition);
    if (!tail) {
      const path = pathOf(this.#options.path, partition);
      tail = new FileTail({ path, stream: this.stream, partition });
      this.#tails.set(partition, tail);
    }
    return tail;
  }

  #tooLong(partition: string, offset: bigint): SourceError {
    const { recordBytesMax, path } = this.#options;
    return new SourceError(
      `Cannot read ${path}: the record at byte ${offset} is longer than ${recordBytesMax} bytes; raise the limit with ?recordBytesMax=`,
      { code: "E_RECORD_TOO_LONG", stream: this.stream, partition, offset },
    );
  }
}

/** Partition → path, in code unit order. */
async function findFiles(path: string, stream: string): Promise<ReadonlyMap<string, string>> {
  if (isGlob(path)) return sorted(await filesBelow(rootOf(path), globToRegExp(path)), rootOf(path));
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw cannotRead({ path, stream, partition: "0" }, error);
  }
  if (!info.isDirectory) return new Map([["0", path]]);
  return sorted(await filesBelow(path, /(?:^|\/)[^./][^/]*$/), path);
}

function sorted(paths: readonly string[], root: string): ReadonlyMap<string, string> {
  const names = paths.map((path) => relative(root, path));
  return new Map(names.sort().map((name) => [name, join(root, name)]));
}

async function filesBelow(folder: string, pattern: RegExp): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = folder === "." ? name : join(folder, name);
    if (isDirectory) found.push(...await filesBelow(path, pattern));
    else if (pattern.test(path)) found.push(path);
  }
  return found;
}

/** Where `partition` lies; a file that is a stream by itself is partition 0. */
function pathOf(path: string, partition: string): string {
  if (isGlob(path)) return join(rootOf(path), partition);
  try {
    return Deno.statSync(path).isDirectory ? join(path, partition) : path;
  } catch {
    // It is missing, which whoever opens it says better.
    return path;
  }
}

/** The part of a glob before its first wildcard. */
function rootOf(path: string): string {
  if (!isGlob(path)) return path;
  let root = path;
  while (isGlob(root)) root = dirname(root);
  return root;
}
