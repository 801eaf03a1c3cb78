/**
 * Disks: the journal is real SQLite on real files, and this decides what of a file is still there after a crash, and
 * which calls fail.
 *
 * A process that is killed leaves everything it wrote. A machine that loses power leaves what was synced; of what was
 * written after that, any part, and the last page of it torn. SQLite writes transactions to its log only (no log grows
 * long enough here for a checkpoint), so the log is what is cut.
 */

import { DatabaseSync } from "node:sqlite";
import { currentMachine, type Machine } from "./world.ts";

/** How a machine's disk may fail. */
export interface DiskFaults {
  /** Whether the next transaction finds the disk full. */
  isFull(machine: Machine): boolean;
  /** Whether the next sync fails; after that nobody knows what is on the disk. */
  failsSync(machine: Machine): boolean;
  /** Called before and after a transaction is committed: a machine may crash there. */
  atCommit(machine: Machine, when: "before" | "after"): void;
}

/** The volume is somebody else's now: every later write of `machine` fails. */
export function detachDisk(machine: Machine): void {
  const disk = disks.get(machine);
  if (disk) disk.isDetached = true;
}

interface Disk {
  /** By path: how long the log was when it was last synced, and which log that was. */
  readonly synced: Map<string, { readonly bytes: number; readonly log: string }>;
  readonly faults: DiskFaults;
  readonly folder: string;
  isDetached: boolean;
}

const SYNC_MS = { from: 0.2, to: 20 };
const SQLITE_FULL = { errcode: 13, errstr: "database or disk is full" };
const SQLITE_IOERR = { errcode: 10, errstr: "disk I/O error" };
/** Where SQLite's log says which log it is: its checkpoint's number and salts. */
const LOG_ID = [12, 24] as const;
const disks = new WeakMap<Machine, Disk>();
let isInstalled = false;

/** Gives `machine` a disk in `folder`. */
export function attachDisk(machine: Machine, folder: string, faults: DiskFaults): void {
  disks.set(machine, { synced: new Map(), faults, folder, isDetached: false });
}

/**
 * What is left of the journal at `path` of a machine that crashes now, as a copy at `copy`.
 *
 * @param losesPower whether more is lost than the process
 */
export function copyAfterCrash(machine: Machine, path: string, copy: string, losesPower: boolean): void {
  Deno.copyFileSync(path, copy);
  const log = readLog(path);
  if (!log) return;
  const { world } = machine;
  const synced = disks.get(machine)?.synced.get(path);
  const isSameLog = synced?.log === idOf(log);
  const keep = losesPower && isSameLog ? world.chance.integer(synced.bytes, log.length + 1) : log.length;
  const left = log.slice(0, keep);
  if (losesPower && isSameLog && keep > synced.bytes && world.chance.happens(0.5)) {
    world.chance.fill(left.subarray(Math.max(synced.bytes, keep - world.chance.integer(1, 512))));
  }
  if (left.length > 0) Deno.writeFileSync(`${copy}-wal`, left);
  if (keep < log.length) world.note(`${machine.name} loses ${log.length - keep} bytes of its log`);
}

/** Has files and databases of worlds' machines fail as their disks do, once. */
export function installDisks(): void {
  if (isInstalled) return;
  isInstalled = true;
  installFiles();
  installTransactions();
}

function installFiles(): void {
  const { open, mkdir } = Deno;
  const { syncData } = Deno.FsFile.prototype;
  const paths = new WeakMap<Deno.FsFile, string>();
  Object.assign(Deno, {
    open: (path: string, options: Deno.OpenOptions) => {
      if (!currentMachine()) return open(path, options);
      // Without the thread pool, whose order no seed decides.
      try {
        const file = Deno.openSync(path, options);
        paths.set(file, String(path));
        return Promise.resolve(file);
      } catch (error) {
        return Promise.reject(error);
      }
    },
    mkdir: (path: string, options: Deno.MkdirOptions) => {
      return currentMachine() ? Promise.resolve(Deno.mkdirSync(path, options)) : mkdir(path, options);
    },
  });
  Deno.FsFile.prototype.syncData = function (this: Deno.FsFile): Promise<void> {
    const machine = currentMachine();
    const path = paths.get(this);
    return machine && path ? syncVirtually(machine, path.replace(/-wal$/, "")) : syncData.call(this);
  };
}

function syncVirtually(machine: Machine, path: string): Promise<void> {
  const { world } = machine;
  const disk = disks.get(machine);
  const log = readLog(path);
  const timeMs = world.chance.skewed(SYNC_MS.from, SYNC_MS.to);
  return new Promise((resolve, reject) => {
    world.schedule(machine, timeMs, "syncs its log", () => {
      if (disk?.isDetached || disk?.faults.failsSync(machine)) {
        return reject(new Error("Input/output error (os error 5)"));
      }
      if (disk && log) noteSynced(disk, path, log);
      resolve();
    });
  });
}

function installTransactions(): void {
  const { exec } = DatabaseSync.prototype;
  const synchronous = new WeakMap<DatabaseSync, string>();
  DatabaseSync.prototype.exec = function (this: DatabaseSync, sql: string): void {
    const machine = currentMachine();
    const disk = machine && disks.get(machine);
    const path = disk && this.location();
    if (!disk || !path?.startsWith(disk.folder)) return exec.call(this, sql);
    const mode = /synchronous=(\w+)/.exec(sql)?.[1];
    if (mode !== undefined) synchronous.set(this, mode);
    if (sql !== "COMMIT") return exec.call(this, sql);
    disk.faults.atCommit(machine, "before");
    const failure = disk.isDetached ? SQLITE_IOERR : disk.faults.isFull(machine) ? SQLITE_FULL : undefined;
    if (failure) throw Object.assign(new Error(failure.errstr), { code: "ERR_SQLITE_ERROR", ...failure });
    exec.call(this, sql);
    if (synchronous.get(this) === "FULL") noteSynced(disk, path, readLog(path)!);
    disk.faults.atCommit(machine, "after");
  };
}

function noteSynced(disk: Disk, path: string, log: Uint8Array): void {
  const before = disk.synced.get(path);
  const id = idOf(log);
  if (before?.log === id && before.bytes > log.length) return;
  disk.synced.set(path, { bytes: log.length, log: id });
}

function readLog(path: string): Uint8Array<ArrayBuffer> | undefined {
  try {
    return Deno.readFileSync(`${path}-wal`);
  } catch {
    return undefined;
  }
}

function idOf(log: Uint8Array): string {
  return log.slice(...LOG_ID).toHex();
}
