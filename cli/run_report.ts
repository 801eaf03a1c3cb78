/** The summary of a run, as `--json` prints it. A contract: fields are added, never changed. */

import type { RunSummary } from "../controller/run.ts";
import type { TaskSummary } from "../controller/task.ts";

/** See the module. Counts are of this start of the run; positions and digests of its whole life. */
export interface RunReport {
  readonly run: string;
  readonly resumed: boolean;
  readonly tasks: readonly TaskSummary[];
  readonly records: number;
  readonly outputs: number;
  readonly deadLetters: number;
  readonly skipped: number;
  readonly elapsedMs: number;
  readonly recordsPerSecond: number;
}

/** The report of `summary`. */
export function runReport({ run, resumed, tasks }: RunSummary, elapsedMs: number): RunReport {
  const sum = (of: (task: TaskSummary) => number) => tasks.reduce((total, task) => total + of(task), 0);
  const records = sum((task) => task.records);
  return {
    run,
    resumed,
    tasks,
    records,
    outputs: sum((task) => task.outputs),
    deadLetters: sum((task) => task.deadLetters),
    skipped: sum((task) => task.skipped),
    elapsedMs: Math.round(elapsedMs),
    recordsPerSecond: Math.round(records / Math.max(elapsedMs / 1000, 0.001)),
  };
}
