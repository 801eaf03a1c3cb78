/** What a feed did, collected unit by unit. */

import type { LogLevel } from "./ambient.ts";
import { IntColumn } from "./columns.ts";
import type { Failure } from "./failure.ts";
import type { OutputColumns } from "./output.ts";
import type { StateEntries } from "./state.ts";
import { takeAll } from "./take_all.ts";
import type { TraceColumns } from "./trace.ts";

/** How many log lines one feed keeps; the rest is counted. */
export const LOG_LINES_MAX = 1000;

/** A line that a processor logged. */
export interface LogLine {
  /** The record of the feed, counted from 0; -1 outside of records. */
  readonly record: number;
  /** How serious it is. */
  readonly level: LogLevel;
  /** What was logged. */
  readonly text: string;
}

/** Keys of the state that a unit looked at, whether they had a value or not. */
export interface UnitReads {
  /** The unit of the feed, counted from 0. */
  readonly unit: number;
  readonly keys: readonly string[];
}

/** What every unit of a feed did. Columns are per unit, in the order in which units ran. */
export interface UnitColumns {
  /** The record of the feed, counted from 0; -1 for a timer or a hook. */
  readonly records: Int32Array<ArrayBuffer>;
  /** How many outputs there were when the unit ended. */
  readonly outputEnds: Int32Array<ArrayBuffer>;
  /** How many trace entries there were when the unit ended. */
  readonly traceEnds: Int32Array<ArrayBuffer>;
}

/** What a feed did. */
export interface FeedResult {
  readonly units: UnitColumns;
  readonly outputs: OutputColumns;
  /** What units did besides emitting. */
  readonly trace: TraceColumns;
  readonly changes: StateEntries;
  readonly timerChanges: StateEntries;
  readonly failures: readonly Failure[];
  readonly logs: readonly LogLine[];
  readonly logsDropped: number;
  /** Empty unless `EngineOptions.notesReads`; units that looked at nothing are left out. */
  readonly reads: readonly UnitReads[];
  /** Records processed; fewer than the feed holds when it halted. */
  readonly records: number;
  readonly isHalted: boolean;
  readonly nowMs: number;
  readonly nextTimerMs: number | undefined;
  /** Whether `onStart` has run. */
  readonly isStarted: boolean;
}

/** Collects the {@linkcode FeedResult} of one feed. */
export class FeedReport {
  readonly #records = new IntColumn();
  readonly #outputEnds = new IntColumn();
  readonly #traceEnds = new IntColumn();
  readonly #failures: Failure[] = [];
  readonly #logs: LogLine[] = [];
  readonly #reads: UnitReads[] = [];
  #logsDropped = 0;

  endUnit(record: number, outputEnd: number, traceEnd: number, reads: readonly string[]): void {
    if (reads.length > 0) this.#reads.push({ unit: this.#records.length, keys: reads });
    this.#records.push(record);
    this.#outputEnds.push(outputEnd);
    this.#traceEnds.push(traceEnd);
  }

  fail(failure: Failure): void {
    this.#failures.push(failure);
  }

  log(line: LogLine): void {
    if (this.#logs.length < LOG_LINES_MAX) this.#logs.push(line);
    else this.#logsDropped++;
  }

  /** Takes everything and begins anew. */
  take(rest: Omit<FeedResult, "units" | "failures" | "logs" | "logsDropped" | "reads">): FeedResult {
    const result: FeedResult = {
      ...rest,
      units: {
        records: this.#records.toArray(),
        outputEnds: this.#outputEnds.toArray(),
        traceEnds: this.#traceEnds.toArray(),
      },
      failures: takeAll(this.#failures),
      logs: takeAll(this.#logs),
      logsDropped: this.#logsDropped,
      reads: takeAll(this.#reads),
    };
    this.#records.length = this.#outputEnds.length = this.#traceEnds.length = 0;
    this.#logsDropped = 0;
    return result;
  }
}
