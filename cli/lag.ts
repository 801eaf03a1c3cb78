/** `sluice lag`: how far runs are behind the ends of their streams. */

import type { Source } from "../adapters/source.ts";
import { livingTasks, type Run } from "../controller/journal/journal.ts";
import { partitionKey } from "../controller/journal/rows.ts";
import { SqliteJournal } from "../controller/journal/sqlite_journal.ts";
import { openSource } from "./adapters.ts";
import { columns } from "./columns.ts";
import { EXIT } from "./exit_code.ts";
import { findRun } from "./find_run.ts";
import { printData } from "./output.ts";
import { parseUri } from "./uri.ts";

/** The options of `sluice lag`. */
export interface LagOptions {
  readonly journal: string;
  readonly json: boolean;
}

/** Where a task stands in one partition. */
interface LagRow {
  readonly run: string;
  readonly task: string;
  readonly stream: string;
  readonly partition: string;
  readonly position: bigint;
  /** Undefined where the source cannot tell. */
  readonly end: bigint | undefined;
  readonly lag: bigint | undefined;
  /** Where records are not counted, a time. */
  readonly behindMs: number | undefined;
  /** How the source's positions are written. */
  readonly text: (position: bigint) => string;
}

/** Prints the lag of `runName`, or of every run in the journal. */
export async function lagCommand(runName: string | undefined, { journal: path, json }: LagOptions): Promise<number> {
  const journal = SqliteJournal.openReader(path);
  try {
    const runs = runName === undefined ? journal.runs() : [findRun(journal, runName)];
    const rows: LagRow[] = [];
    for (const run of runs) rows.push(...await lagOf(journal, run));
    if (json) { for (const row of rows) printData(toJson(row)); }
    else printData(toTable(rows));
    return EXIT.ok;
  } finally {
    journal.close();
  }
}

async function lagOf(journal: SqliteJournal, run: Run): Promise<LagRow[]> {
  const sources = new Map<string, Source>();
  for (const [input, uri] of Object.entries(run.uris)) {
    if (parseUri(uri).scheme !== "stdio") sources.set(input, await openSource(uri, { isBounded: false }));
  }
  const rows: LagRow[] = [];
  for (const task of livingTasks(journal.tasks(run))) {
    const progress = journal.task(task).progress();
    for (const partition of task.partitions) {
      const key = partitionKey(partition);
      const { position, anchor } = progress.get(key) ?? task.starts.get(key) ?? { position: 0n, anchor: undefined };
      const source = sources.get(partition.input);
      const end = await source?.latest?.(partition);
      const lag = source?.lag ? await source.lag(partition, position, anchor) : behind(position, end);
      const text = (each: bigint) => source?.positionText?.(each) ?? String(each);
      const behindMs = await source?.behindMs?.(partition, position);
      rows.push({ run: run.name, task: task.name, ...partition, position, end, lag, behindMs, text });
    }
  }
  for (const source of sources.values()) await source.close();
  return rows;
}

function behind(position: bigint, end: bigint | undefined): bigint | undefined {
  return end === undefined ? undefined : end > position ? end - position : 0n;
}

function toJson({ run, task, stream, partition, position, end, lag, behindMs, text }: LagRow): string {
  const numbers = { position: text(position), end: end === undefined ? null : text(end) };
  const time = behindMs === undefined ? {} : { behindMs };
  return JSON.stringify({
    run,
    task,
    stream,
    partition,
    ...numbers,
    lag: lag === undefined ? null : String(lag),
    ...time,
  });
}

function toTable(rows: readonly LagRow[]): string {
  return columns(
    ["run", "task", "stream", "partition", "position", "end", "lag"],
    rows.map(({ run, task, stream, partition, position, end, lag, behindMs, text }) => {
      const behind = lag ?? (behindMs === undefined ? "?" : `${(behindMs / 1000).toFixed(1)} s`);
      return [run, task, stream, partition, text(position), end === undefined ? "?" : text(end), behind];
    }),
  );
}
