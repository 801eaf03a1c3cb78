/**
 * The tasks of a run in this process, side by side; partitions that are added meanwhile become tasks of their own, and
 * those that are split or merged are handed to heirs (succession.ts).
 *
 * A task that fails does not stop the others.
 */

import { SourceError } from "../adapters/source.ts";
import { assignTasks, findFresh } from "./assignment.ts";
import { livingTasks, type StartedPartition, type Task as TaskRow, type TaskPartition } from "./journal/journal.ts";
import { pause } from "./pause.ts";
import { asError, RunningTasks, type SharedSetup, type TaskOutcome } from "./running_tasks.ts";
import { findSuccessions, handOver, heirsOf, type Succession } from "./succession.ts";
import type { TaskSummary } from "./task.ts";

/** What a group needs to know of its run. */
export interface TaskGroupOptions extends SharedSetup {
  /** See `AssignmentContext.tasksMax`. */
  readonly tasksMax: number | undefined;
}

/** Partitions that go on for closed ones may take a moment to appear. */
const HEIR_LOOKS_MAX = 30;
const HEIR_LOOK_MS = 1000;

/** See the module. */
export class TaskGroup {
  readonly #options: TaskGroupOptions;
  readonly #cancel = new AbortController();
  readonly #tasks: RunningTasks;
  readonly #failed = new Set<string>();
  readonly #failures: Error[] = [];
  /** Tasks whose partitions were closed, and which have no heirs yet. */
  readonly #closed = new Set<string>();
  /** Resolves when there is one more. */
  #hasClosed = Promise.withResolvers<void>();

  constructor(options: TaskGroupOptions) {
    this.#options = { ...options, stop: AbortSignal.any([options.stop, this.#cancel.signal]) };
    this.#tasks = new RunningTasks(this.#options, (name, outcome) => this.#noteEnd(name, outcome));
  }

  /** Runs every task of the run to its end; answers why some stopped before it. */
  async run(): Promise<readonly Error[]> {
    const { journal, run, limits } = this.#options;
    this.#start(livingTasks(journal.tasks(run)));
    let looksInVain = 0;
    const checkMs = () => this.#closed.size > 0 ? HEIR_LOOK_MS : limits.partitionCheckMs;
    while (!await this.#hasEndedWithin(checkMs()) || this.#closed.size > 0) {
      const closed = this.#closed.size;
      this.#hasClosed = Promise.withResolvers();
      await this.#lookForPartitions();
      const isInVain = this.#tasks.size === 0 && this.#closed.size === closed;
      looksInVain = isInVain ? looksInVain + 1 : 0;
      if (isInVain && !await this.#mayWaitForHeirs(looksInVain)) break;
    }
    this.#noteHeirless();
    if (!this.#options.stop.aborted) await this.#tasks.makeSure().catch((error) => this.#failures.push(asError(error)));
    return this.#failures;
  }

  async #mayWaitForHeirs(looksInVain: number): Promise<boolean> {
    const { stop } = this.#options;
    if (stop.aborted || this.#failures.length > 0 || looksInVain > HEIR_LOOKS_MAX) return false;
    await pause(HEIR_LOOK_MS, stop);
    return true;
  }

  /** Whatever kept them from being handed over is told already, or nothing goes on with their keys. */
  #noteHeirless(): void {
    const { journal, run, stop } = this.#options;
    const heirless = journal.tasks(run).find(({ name }) => this.#closed.has(name));
    if (!heirless || this.#failures.length > 0 || stop.aborted) return;
    const [{ stream, partition }] = heirless.partitions;
    const message = `Cannot go on behind ${stream}/${partition}: it was closed, and no partition goes on with its keys`;
    this.#failures.push(new SourceError(message, { code: "E_NO_HEIRS", stream, partition }));
  }

  /** What each task did. */
  summaries(): readonly TaskSummary[] {
    return this.#tasks.summaries();
  }

  #start(rows: readonly TaskRow[]): void {
    for (const row of rows) this.#tasks.start(row, { taskJournal: this.#options.journal.task(row) });
  }

  #noteEnd(name: string, outcome: TaskOutcome): void {
    if ("error" in outcome) {
      this.#failed.add(name);
      this.#failures.push(outcome.error);
    } else if (outcome.end === "closed") {
      this.#closed.add(name);
      this.#hasClosed.resolve();
    }
  }

  /** Whether all tasks have ended; answers early when there may be heirs. */
  async #hasEndedWithin(timeMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, timeMs);
    await Promise.race([promise, this.#tasks.ended(), this.#hasClosed.promise]);
    clearTimeout(timer);
    return this.#tasks.size === 0;
  }

  async #lookForPartitions(): Promise<void> {
    if (this.#options.stop.aborted) return;
    const { fresh, successions } = await this.#findNew();
    try {
      if (fresh.length > 0) this.#add(fresh);
      for (const succession of successions) await this.#handOver(succession);
    } catch (error) {
      this.#failures.push(asError(error));
      this.#cancel.abort();
    }
  }

  /** A source that cannot answer now is asked again later: those who read from it will say what is wrong. */
  async #findNew(): Promise<NewPartitions> {
    const { journal, run, sources } = this.#options;
    try {
      const fresh = await findFresh(sources, journal.tasks(run), run);
      return { fresh, successions: await findSuccessions(run, { journal, sources }) };
    } catch (error) {
      if (this.#tasks.size === 0) this.#failures.push(asError(error));
      return { fresh: [], successions: [] };
    }
  }

  #add(fresh: readonly StartedPartition[]): void {
    const { journal, run, clock, observer } = this.#options;
    const names = namesOf(fresh);
    const rows = journal.atomically(() => {
      journal.addEvent(run, { kind: "partitions added", atMs: clock.nowMs(), detail: { partitions: names } });
      return assignTasks(run, fresh, this.#options);
    });
    observer.onNotice?.(
      `New: ${
        names.join(", ")
      }; read from here on. Keys may have moved there: state of a key stays with its old partition`,
    );
    this.#start(rows);
  }

  /** Tasks that have other partitions besides stop first: those move with the rest. */
  async #handOver(succession: Succession): Promise<void> {
    const { run, clock, limits, observer, stop } = this.#options;
    for (const { name } of succession.from) await this.#tasks.retire(name);
    if (stop.aborted || succession.from.some(({ name }) => this.#failed.has(name))) return;
    const context = { ...this.#options, nowMs: clock.nowMs(), entriesMax: limits.snapshotEntriesPerFeed };
    const heirs = handOver(run, heirsOf(run, succession, context), context);
    const [names, from] = [namesOf(succession.fresh), succession.from.map(({ name }) => name)];
    observer.onNotice?.(
      `Resharded: ${names.join(", ")} ${names.length === 1 ? "goes" : "go"} on for task ${from.join(", ")} as task ${
        heirs.map(({ name }) => name).join(", ")
      }; state has moved with its keys`,
    );
    for (const name of from) this.#closed.delete(name);
    this.#start(heirs);
  }
}

interface NewPartitions {
  readonly fresh: readonly StartedPartition[];
  readonly successions: readonly Succession[];
}

function namesOf(partitions: readonly TaskPartition[]): readonly string[] {
  return partitions.map(({ stream, partition }) => `${stream}/${partition}`);
}
