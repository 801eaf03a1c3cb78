/** Verifies a journal as a whole: every row against its checksum, every task's feeds for gaps, every code for its hash. */

import type { Database } from "./database.ts";
import { JournalError } from "./journal.ts";
import type { SqliteJournal } from "./sqlite_journal.ts";

/** What was looked at and what is wrong. */
export interface VerifyReport {
  readonly rows: number;
  readonly feeds: number;
  readonly problems: readonly string[];
}

const TABLES = ["runs", "tasks", "epochs", "feeds", "code", "settlements", "progress", "unit_digests", "state_changes"]
  .concat(["snapshots", "effects", "inputs", "dead_letters", "redriven", "events"]);
/** What later versions of journals have as well. */
const TABLES_SINCE: readonly (readonly [version: number, table: string])[] = [[2, "successions"]];

/** Reads everything. */
export function verifyJournal(journal: SqliteJournal): VerifyReport {
  const problems: string[] = [];
  const { database } = journal;
  let rows = 0;
  const newer = TABLES_SINCE.filter(([version]) => database.version >= version).map(([, table]) => table);
  for (const table of [...TABLES, ...newer]) rows += note(problems, table, () => countChecked(database, table)) ?? 0;
  note(problems, "pages", () => checkPages(database, problems));
  const feeds = note(problems, "feeds", () => checkFeeds(journal)) ?? 0;
  return { rows, feeds, problems: [...new Set(problems)] };
}

function note<T>(problems: string[], what: string, work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof JournalError)) throw error;
    problems.push(`${what}: ${error.message}`);
    return undefined;
  }
}

function countChecked(database: Database, table: string): number {
  let rows = 0;
  for (const _row of database.all(`SELECT * FROM ${table}`)) rows++;
  return rows;
}

function checkPages(database: Database, problems: string[]): void {
  for (const finding of database.pragma("integrity_check(20)")) {
    if (finding !== "ok") problems.push(`pages: ${finding}`);
  }
}

/** Feeds are gapless from the first that was not pruned, and each one's code, digests and state can be read. */
function checkFeeds(journal: SqliteJournal): number {
  let feeds = 0;
  for (const run of journal.runs()) {
    for (const task of journal.tasks(run)) {
      const taskJournal = journal.task(task);
      for (const { codeHash } of taskJournal.epochs()) journal.code(codeHash);
      for (const { seq } of taskJournal.feeds(0, Infinity)) {
        taskJournal.unitDigests(seq);
        feeds++;
      }
      const last = taskJournal.lastFeed();
      if (last) { for (const _part of taskJournal.stateBefore(last.seq + 1)) void _part; }
    }
  }
  return feeds;
}
