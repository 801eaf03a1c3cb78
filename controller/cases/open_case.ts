/** A case file that comes from anywhere: looked at before it is trusted with anything. */

import { SqliteJournal } from "../journal/sqlite_journal.ts";
import { JournalError, type Run } from "../journal/journal.ts";

/** What one file may hold; all that is read of it at a time is bounded by that. */
const CASE_BYTES_MAX = 1024 ** 3;
const MAGIC = "SQLite format 3\0";

/** A case. */
export interface OpenedCase {
  readonly journal: SqliteJournal;
  readonly run: Run;
}

/**
 * Opens the case at `path` to read it. Its code runs in the sandbox alone, and only when it is replayed.
 *
 * @throws {JournalError} when it is missing, cut, newer, too large, or no case
 */
export function openCase(path: string): OpenedCase {
  checkFile(path);
  const journal = SqliteJournal.openReader(path);
  try {
    journal.database.checkSchema();
    const runs = journal.runs();
    if (runs.length !== 1) throw notACase(path, `it has ${runs.length} runs, a case has one`);
    const tasks = journal.tasks(runs[0]).length;
    if (tasks !== 1) throw notACase(path, `it has ${tasks} tasks, a case has one`);
    return { journal, run: runs[0] };
  } catch (error) {
    journal.close();
    throw error;
  }
}

function checkFile(path: string): void {
  let file: Deno.FsFile;
  try {
    file = Deno.openSync(path);
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new JournalError(`Cannot open case ${path}: ${reason}`, { code: "E_CASE_MISSING" });
  }
  try {
    const { size, isFile } = file.statSync();
    if (!isFile) throw notACase(path, "it is not a file");
    if (size > CASE_BYTES_MAX) throw notACase(path, `it has ${size} bytes, at most ${CASE_BYTES_MAX} are read`);
    const start = new Uint8Array(MAGIC.length);
    file.readSync(start);
    if (new TextDecoder().decode(start) !== MAGIC) throw notACase(path, "it does not begin like one");
  } finally {
    file.close();
  }
}

function notACase(path: string, reason: string): JournalError {
  return new JournalError(`Cannot use ${path} as a case: ${reason}; sluice export makes one`, { code: "E_NOT_A_CASE" });
}
