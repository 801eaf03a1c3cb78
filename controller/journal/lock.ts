/**
 * One writer per journal and run: an advisory lock that the operating system gives back when its holder dies.
 *
 * The file beside the journal says who holds the lock; the lock itself is the operating system's, so a file that was
 * left behind by a killed process locks nothing.
 */

import { JournalError } from "./journal.ts";

/** A held lock. */
export interface RunLock {
  release(): void;
}

/**
 * Locks `run` in the journal at `path`.
 *
 * @throws {JournalError} with code `E_RUN_HELD`, naming the holder, when another process has it
 */
export function lockRun(path: string, run: string, nowMs: number): RunLock {
  const lockPath = `${path}.${encodeURIComponent(run)}.lock`;
  const file = Deno.openSync(lockPath, { read: true, write: true, create: true });
  if (!file.tryLockSync(true)) {
    const holder = Deno.readTextFileSync(lockPath);
    file.close();
    throw new JournalError(
      `Cannot start run ${run}: ${describeHolder(holder)} is running it in ${path}; stop it, or use another --name`,
      { code: "E_RUN_HELD" },
    );
  }
  const holder = { pid: Deno.pid, host: Deno.hostname(), since: new Date(nowMs).toISOString() };
  file.truncateSync(0);
  file.writeSync(new TextEncoder().encode(JSON.stringify(holder)));
  return {
    release(): void {
      // The file stays: removing it would let a third process lock a file that has no name any more.
      file.close();
    },
  };
}

function describeHolder(text: string): string {
  try {
    const { pid, host, since } = JSON.parse(text) as { pid: number; host: string; since: string };
    return `process ${pid} on ${host} (since ${since})`;
  } catch {
    return "another process";
  }
}
