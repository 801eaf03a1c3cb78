/**
 * Files as sinks: exactly once by committed length.
 *
 * A commit appends and syncs; its receipt is the file's length, which the journal keeps. Whoever takes over truncates to
 * the last settled length, and the feed after it is written again with the same bytes, so a reader that follows the file
 * never sees a byte change. A path that ends in `/` is a folder with one `part-<task>.ndjson` per task.
 */

import { dirname, join } from "@std/path";
import type { PackedOutputs } from "../../engine/output.ts";
import { linesOf } from "../../formats/output_lines.ts";
import { type Acquired, type Checkpoint, type Commit, type Receipt, type Sink, SinkError } from "../sink.ts";

/** Where to write. */
export interface FileSinkOptions {
  /** The file, or the folder. */
  readonly path: string;
  /** Whether `path` is a folder, with a file per task. */
  readonly isFolder: boolean;
}

/** See the module. */
export class FileSink implements Sink {
  /** See {@linkcode Sink.guarantee}. */
  readonly guarantee = "exactly-once";
  /** See {@linkcode Sink.home}. */
  readonly home = "journal";
  readonly description: string;
  readonly takesManyTasks: boolean;
  readonly #options: FileSinkOptions;
  readonly #files = new Map<string, OpenFile>();

  /** Nothing is opened before a task is acquired. */
  constructor(options: FileSinkOptions) {
    this.#options = options;
    this.description = `file:${options.path}`;
    this.takesManyTasks = options.isFolder;
  }

  async acquire(task: string, epoch: bigint, settled: Checkpoint | undefined): Promise<Acquired> {
    const path = this.#options.isFolder ? join(this.#options.path, `part-${task}.ndjson`) : this.#options.path;
    const length = Number(settled?.receipt.length ?? 0);
    this.#files.get(task)?.file.close();
    this.#files.set(task, await openAt(path, length, settled !== undefined));
    return { epoch, checkpoint: settled };
  }

  async commit({ task, seq, outputs }: Commit): Promise<Receipt> {
    const open = this.#files.get(task);
    if (!open) {
      throw new SinkError(`Cannot commit feed ${seq} of task ${task}: the task was not acquired`, { code: "E_SINK" });
    }
    if (outputs.count > 0) await append(open, outputs);
    return { length: open.length };
  }

  /** Gives back what is open. */
  close(): Promise<void> {
    for (const { file } of this.#files.values()) file.close();
    this.#files.clear();
    return Promise.resolve();
  }
}

interface OpenFile {
  readonly path: string;
  readonly file: Deno.FsFile;
  length: number;
}

async function openAt(path: string, length: number, isResumed: boolean): Promise<OpenFile> {
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    const file = await Deno.open(path, { read: true, write: true, create: true });
    const { size } = await file.stat();
    if (size < length) {
      file.close();
      throw new SinkError(
        `Cannot go on writing ${path}: it has ${size} bytes, ${length} have been committed: it was truncated or replaced; ` +
          "restore it, or start a run with another --name",
        { code: "E_SINK_CHANGED" },
      );
    }
    if (!isResumed && size > 0) {
      file.close();
      throw new SinkError(
        `Cannot write ${path}: it exists and is not this run's; remove it, or name another file with --to`,
        { code: "E_SINK_EXISTS" },
      );
    }
    await file.truncate(length);
    await file.seek(length, Deno.SeekMode.Start);
    await syncFolder(dirname(path));
    return { path, file, length };
  } catch (error) {
    throw error instanceof SinkError ? error : cannotWrite(path, error);
  }
}

/** A new file is only there for good once its folder is synced. */
async function syncFolder(folder: string): Promise<void> {
  const file = await Deno.open(folder);
  try {
    await file.sync();
  } finally {
    file.close();
  }
}

/** Syncing is left to another thread: meanwhile this one digests and seals the next feeds. */
async function append(open: OpenFile, outputs: PackedOutputs): Promise<void> {
  try {
    const bytes = linesOf(outputs);
    for (let at = 0; at < bytes.length;) at += open.file.writeSync(bytes.subarray(at));
    await open.file.syncData();
    open.length += bytes.length;
  } catch (error) {
    throw cannotWrite(open.path, error);
  }
}

function cannotWrite(path: string, cause: unknown): SinkError {
  const { message, code } = cause as { message: string; code?: string };
  if (code === "ENOSPC") {
    return new SinkError(`Cannot write ${path}: the disk is full; free some space and run again, nothing is lost`, {
      code: "E_DISK_FULL",
      cause,
    });
  }
  const reason = cause instanceof Deno.errors.PermissionDenied ? "permission denied" : message;
  return new SinkError(`Cannot write ${path}: ${reason}`, { code: "E_SINK_UNWRITABLE", cause });
}
