/**
 * Reads one file by position, notices when it grows, when another takes its place, and when that is not what was read.
 *
 * The anchor of a position is a CRC-32 of up to 4 KiB before it: a file that was truncated or rewritten under a
 * checkpoint does not have the same bytes there.
 */

import { crc32 } from "node:zlib";
import { convertFile, isConverted } from "./converted.ts";
import { SourceError } from "../source.ts";

const ANCHOR_BYTES = 4096;
const READ_BYTES_FIRST = 1024 * 1024;
const READ_BYTES_MIN = 64 * 1024;

/** One file of a source. */
export interface TailOptions {
  readonly path: string;
  readonly stream: string;
  readonly partition: string;
}

/** See the module. */
export class FileTail {
  readonly #options: TailOptions;
  #file: Deno.FsFile;
  #readBytes = READ_BYTES_FIRST;
  /** Whether it reads what the file was converted to, and so will not grow. */
  readonly isConverted: boolean;

  private constructor(options: TailOptions, file: Deno.FsFile) {
    this.#options = options;
    this.#file = file;
    this.isConverted = isConverted(options.path);
  }

  /** @throws {SourceError} when the file cannot be read */
  static async open(options: TailOptions): Promise<FileTail> {
    try {
      if (!isConverted(options.path)) return new FileTail(options, Deno.openSync(options.path));
      const lines = await convertFile(options.path);
      const file = Deno.openSync(lines);
      // An open file needs no name; without one it cannot be left behind.
      Deno.removeSync(lines);
      return new FileTail(options, file);
    } catch (error) {
      throw cannotRead(options, error);
    }
  }

  /** How many bytes to read at once: what feeds have been made of lately, and no more than `bytesMax`. */
  readBytes(bytesMax: number): number {
    return Math.min(this.#readBytes, bytesMax);
  }

  /** Notes how many bytes became a batch, and whether it would have taken more. */
  noteRead(bytes: number, wantedMore: boolean): void {
    this.#readBytes = Math.max(READ_BYTES_MIN, wantedMore ? bytes * 2 : Math.ceil(bytes * 1.1));
  }

  get size(): number {
    return this.#file.statSync().size;
  }

  /** Reads up to `bytes` bytes at `position`; fewer when the file ends there. The answer is the caller's. */
  read(position: number, bytes: number): Uint8Array<ArrayBuffer> {
    try {
      return this.#readInto(new Uint8Array(bytes), position);
    } catch (error) {
      throw cannotRead(this.#options, error);
    }
  }

  #readInto(buffer: Uint8Array<ArrayBuffer>, position: number): Uint8Array<ArrayBuffer> {
    this.#file.seekSync(position, Deno.SeekMode.Start);
    let length = 0;
    while (length < buffer.length) {
      const read = this.#file.readSync(buffer.subarray(length));
      if (read === null) break;
      length += read;
    }
    return buffer.subarray(0, length);
  }

  /** See the module. */
  anchor(position: number): string {
    const from = Math.max(0, position - ANCHOR_BYTES);
    return crc32(this.read(from, position - from)).toString(16);
  }

  /** @throws {SourceError} when the file is shorter than `position` or has other bytes before it */
  verify(position: bigint, anchor: string | undefined): void {
    const { size } = this;
    if (BigInt(size) < position) {
      throw this.#changed(position, `it has ${size} bytes, ${position} of it have been read: it was truncated`);
    }
    if (anchor !== undefined && this.anchor(Number(position)) !== anchor) {
      throw this.#changed(position, `the bytes before position ${position} are not what was read: it was rewritten`);
    }
  }

  /**
   * Goes on with a file that has taken the place of this one, where it begins with what was read: editors write anew what
   * they save. Who renames a log and begins another gets the error, not silence.
   *
   * @throws {SourceError} when it begins otherwise
   */
  followName(position: bigint): void {
    const successor = this.#successor();
    if (!successor) return;
    const anchor = this.anchor(Number(position));
    this.#file.close();
    this.#file = successor;
    this.verify(position, anchor);
  }

  #successor(): Deno.FsFile | undefined {
    const { path } = this.#options;
    try {
      const isSame = this.isConverted || Deno.statSync(path).ino === this.#file.statSync().ino;
      return isSame ? undefined : Deno.openSync(path);
    } catch {
      // It may be away for a moment.
      return undefined;
    }
  }

  close(): void {
    this.#file.close();
  }

  #changed(offset: bigint, reason: string): SourceError {
    const { path, stream, partition } = this.#options;
    return new SourceError(
      `Cannot go on reading ${path}: ${reason}; restore the file, or start a run with another --name`,
      {
        code: "E_SOURCE_CHANGED",
        stream,
        partition,
        offset,
      },
    );
  }
}

/** An error about a file that cannot be opened. */
export function cannotRead({ path, stream, partition }: TailOptions, cause: unknown): SourceError {
  const { code } = cause as { code?: unknown };
  const reason = cause instanceof Deno.errors.NotFound || code === "ENOENT"
    ? "there is no such file"
    : cause instanceof Deno.errors.PermissionDenied
    ? "permission denied"
    : (cause as Error).message;
  return new SourceError(`Cannot read ${path}: ${reason}`, { code: "E_SOURCE_UNREADABLE", stream, partition, cause });
}
