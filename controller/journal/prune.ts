/** Pruning: gives back the space of feeds that nobody will replay. What is kept can be replayed as before. */

import type { SqliteJournal } from "./sqlite_journal.ts";
import type { Database } from "./database.ts";
import { REWOUND_TO, type Run } from "./journal.ts";
import { positionsBefore } from "./positions.ts";

/** What was pruned, per task. */
export interface PruneReport {
  readonly task: string;
  /** The first feed that is left. */
  readonly firstFeed: number;
  readonly feedsPruned: number;
}

const BY_SEQ = ["feeds", "settlements", "unit_digests", "effects", "inputs"];

/**
 * Removes feeds before the last `keepFeeds`, as far as a snapshot allows: the state before the first feed that is left
 * must be known without those before it. One feed before that is kept for its digest and time. The changes made while the
 * snapshot was taken belong to it, and stay. So does whatever may not have reached the sinks, or was lost there: it has to be
 * run again.
 */
export function pruneRun(journal: SqliteJournal, run: Run, keepFeeds: number, atMs: number): readonly PruneReport[] {
  const { database } = journal;
  return journal.tasks(run).map((task) => {
    const { id, name } = task;
    const last = database.number("SELECT max(seq) FROM feeds WHERE task = ?", id) ?? -1;
    const first = database.number("SELECT min(seq) FROM feeds WHERE task = ?", id) ?? 0;
    const settled = database.number("SELECT max(seq) FROM settlements WHERE task = ?", id) ?? -1;
    const end = endOf(database, id, Math.min(last - keepFeeds, settled, lostFrom(journal, run, name, settled) - 1));
    const begin = database.number(
      "SELECT begin_seq FROM snapshots WHERE task = ? AND seq = ? AND is_last = 1 AND begin_seq <= seq",
      id,
      end,
    );
    if (begin === undefined || end <= first) return { task: name, firstFeed: Math.max(0, first), feedsPruned: 0 };
    database.unsynced(() => {
      // Also of partitions that no feed moves that is left.
      const known = positionsBefore({ journal, run, taskJournal: journal.task(task) }, end + 1);
      const positions = known && { positions: [...known] };
      for (const table of BY_SEQ) database.run(`DELETE FROM ${table} WHERE task = ? AND seq < ?`, id, end);
      database.run("DELETE FROM state_changes WHERE task = ? AND seq <= ?", id, begin);
      database.run("DELETE FROM snapshots WHERE task = ? AND begin_seq < ?", id, begin);
      journal.addEvent(run, { kind: "pruned", task: name, seq: end, atMs, detail: { keepFeeds, ...positions } });
    });
    return { task: name, firstFeed: end + 1, feedsPruned: Math.max(0, end - first) };
  });
}

/** The first feed that a sink lost and may not have again yet: no feed was settled since it was missed. */
function lostFrom(journal: SqliteJournal, run: Run, task: string, settled: number): number {
  const lost = journal.events(run).filter(({ kind, task: name, detail }) =>
    kind === "sink rewound" && name === task && Number(detail.to) > settled
  );
  return Math.min(...lost.map(({ detail }) => Number(detail.from)));
}

/** The last snapshot's end up to `limit`. Where a feed that is left goes back to is left, too. */
function endOf(database: Database, task: number, limit: number): number {
  const snapshots = "SELECT max(seq) FROM snapshots WHERE task = ? AND is_last = 1 AND begin_seq <= seq AND seq <= ?";
  const end = database.number(snapshots, task, limit) ?? -1;
  const targets =
    "SELECT min(CAST(substr(given_up, ?) AS INTEGER)) FROM feeds WHERE task = ? AND seq > ? AND given_up LIKE ?";
  const target = database.number(targets, REWOUND_TO.length + 1, task, end, `${REWOUND_TO}%`) ?? Infinity;
  return target > end ? end : endOf(database, task, target - 1);
}
