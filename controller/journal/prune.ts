/** Pruning: gives back the space of feeds that nobody will replay. What is kept can be replayed as before. */

import type { SqliteJournal } from "./sqlite_journal.ts";
import type { Run } from "./journal.ts";

/** What was pruned, per task. */
export interface PruneReport {
  readonly task: string;
  /** The first feed that is left. */
  readonly firstFeed: number;
  readonly feedsPruned: number;
}

const BY_SEQ = ["feeds", "settlements", "unit_digests", "state_changes", "effects", "inputs"];

/**
 * Removes feeds before the last `keepFeeds`, as far as a snapshot allows: the state before the first feed that is left
 * must be known without those before it.
 */
export function pruneRun(journal: SqliteJournal, run: Run, keepFeeds: number, atMs: number): readonly PruneReport[] {
  return journal.tasks(run).map(({ id, name }) => {
    const { database } = journal;
    const last = database.number("SELECT max(seq) FROM feeds WHERE task = ?", id) ?? -1;
    const first = database.number("SELECT min(seq) FROM feeds WHERE task = ?", id) ?? 0;
    const snapshot = database.number(
      "SELECT max(begin_seq) FROM snapshots WHERE task = ? AND is_last = 1 AND seq <= ?",
      id,
      last - keepFeeds,
    );
    if (snapshot === undefined || snapshot === null) return { task: name, firstFeed: first, feedsPruned: 0 };
    database.transaction(() => {
      for (const table of BY_SEQ) database.run(`DELETE FROM ${table} WHERE task = ? AND seq <= ?`, id, snapshot);
      database.run("DELETE FROM snapshots WHERE task = ? AND begin_seq < ?", id, snapshot);
    });
    journal.addEvent(run, { kind: "pruned", task: name, seq: snapshot, atMs, detail: { keepFeeds } });
    return { task: name, firstFeed: snapshot + 1, feedsPruned: snapshot + 1 - first };
  });
}
