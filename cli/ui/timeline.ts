/** The feeds of a task over time, summed up: a hundred thousand of them are a few hundred bars. */

import type { TaskJournal } from "../../controller/journal/journal.ts";
import type { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import type { BucketJson } from "./page/answers.ts";

/** What to sum up. */
export interface TimelineRange {
  readonly from: number;
  readonly to: number;
  readonly bucketsMax: number;
}

// Numbers are bound as reals: without the cast every feed would be a group of its own.
const SQL = `
  SELECT min(seq) AS "from", max(seq) AS "to", max(now_ms) AS time_ms, max(now_ms) - min(now_ms) AS duration_ms,
    sum(records) AS records, sum(outputs) AS outputs, sum(failures) AS failures, sum(is_reborn) AS births,
    max(epoch) AS epoch,
    max(json_extract(ranges, '$[0].timeMs') - json_extract(ranges, '$[0].eventTimeMs')) AS lag_ms
  FROM feeds WHERE task = ? AND seq >= ? AND seq < ? GROUP BY CAST((seq - ?) / ? AS INTEGER) ORDER BY 1`;

/** The buckets of the feeds `[from, to)`. Rows are not checked against their checksums: it is an overview. */
export function timelineOf(
  { database }: SqliteJournal,
  taskJournal: TaskJournal,
  { from, to, bucketsMax }: TimelineRange,
): BucketJson[] {
  const first = Math.max(from, taskJournal.firstReplayable());
  const end = Math.min(to, (taskJournal.lastFeed()?.seq ?? -1) + 1);
  const width = Math.max(1, Math.ceil((end - first) / bucketsMax));
  return database.numbers(SQL, taskJournal.task.id, first, end, first, width).map((row) => ({
    from: row.from,
    to: row.to,
    timeMs: row.time_ms,
    durationMs: row.duration_ms,
    records: row.records,
    outputs: row.outputs,
    failures: row.failures,
    births: row.births,
    epoch: row.epoch,
    lagMs: row.lag_ms,
  }));
}
