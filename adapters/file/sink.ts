/**
 * Files as sinks: exactly once by committed length.
 *
 * A commit appends and syncs; its receipt is the file's length, which the journal keeps. Whoever takes over truncates to
 * the last settled length, and the feed after it is written again with the same bytes, so a reader that follows the file
 * never sees a byte change. A path that ends in `/` is a folder with one `part-<task>.ndjson` per task.
 */

import { dirname, join } from "node:path";
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
    await this.#release(path);
    this.#files.set(task, await openAt(path, settled));
    return { epoch, checkpoint: settled };
  }

  async commit({ task, seq, outputs }: Commit): Promise<Receipt> {
    const open = this.#files.get(task);
    if (!open) {
      throw new SinkError(`Cannot commit feed ${seq} of task ${task}: the task was not acquired`, { code: "E_SINK" });
    }
    if (outputs.count > 0) await (open.appending = append(open, outputs));
    return { length: open.length };
  }

  /** Whoever wrote `path` in this run does so no more: this task before it was acquired anew, or one that it goes on for. */
  async #release(path: string): Promise<void> {
    for (const [task, open] of this.#files) {
      if (open.path !== path) continue;
      this.#files.delete(task);
      await release(open);
    }
  }

  /** Gives back what is open. */
  async close(): Promise<void> {
    for (const { path } of [...this.#files.values()]) await this.#release(path);
  }
}

interface OpenFile {
  readonly path: string;
  readonly file: Deno.FsFile;
  length: number;
  /** A file that is closed while it is being synced keeps its lock until it is. */
  appending?: Promise<void>;
}

async function release({ file, appending }: OpenFile): Promise<void> {
  await appending?.catch(() => {});
  file.close();
}

async function openAt(path: string, settled: Checkpoint | undefined): Promise<OpenFile> {
  let file: Deno.FsFile | undefined;
  try {
    await Deno.mkdir(dirname(path), { recursive: true });
    file = await Deno.open(path, { read: true, write: true, create: true });
    const length = Number(settled?.receipt.length ?? 0);
    const { size, isFile } = await file.stat();
    if (!isFile) throw noFile(path);
    refuseHeld(path, file);
    refuseForeign(path, size, length, settled);
    await file.truncate(length);
    await file.seek(length, Deno.SeekMode.Start);
    await syncFolder(dirname(path));
    return { path, file, length };
  } catch (error) {
    file?.close();
    throw error instanceof SinkError ? error : cannotWrite(path, error);
  }
}

function noFile(path: string): SinkError {
  return new SinkError(
    `Cannot write ${path}: it is no file that could be taken back to a checkpoint; write to -, and lead that there: --to - > ${path}`,
    { code: "E_SINK_UNWRITABLE" },
  );
}

/** Two that write over each other would both take it for theirs; the lock ends with the process that holds it. */
function refuseHeld(path: string, file: Deno.FsFile): void {
  if (isLocked(file)) return;
  const reason = "something else is writing it, another run perhaps; name another file with --to";
  throw new SinkError(`Cannot write ${path}: ${reason}`, { code: "E_SINK_HELD" });
}

/** Where there are no locks, as on some network drives, nobody can hold one; on Windows they would shut readers out. */
function isLocked(file: Deno.FsFile): boolean {
  if (Deno.build.os === "windows") return true;
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

function refuseForeign(path: string, size: number, length: number, settled: Checkpoint | undefined): void {
  if (settled === undefined && size > 0) {
    throw new SinkError(
      `Cannot write ${path}: it exists and is not this run's; remove it, or name another file with --to`,
      { code: "E_SINK_EXISTS" },
    );
  }
  if (size < length || size > length && settled?.isLast) {
    const reason = size < length
      ? "it was truncated or replaced; restore it"
      : "something else has written to it; move what is behind them elsewhere and cut it off";
    throw new SinkError(
      `Cannot go on writing ${path}: it has ${size} bytes, ${length} have been committed: ${reason}, or start a run with ` +
        "another --name",
      { code: "E_SINK_CHANGED" },
    );
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
