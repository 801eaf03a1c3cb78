/**
 * The tasks of a run in this process, side by side; partitions that are added meanwhile become tasks of their own.
 *
 * A task that fails does not stop the others.
 */

import { assignTasks, freshPartitions, partitionsOf, startsOf } from "./assignment.ts";
import type { Task as TaskRow } from "./journal/journal.ts";
import { Permits } from "./permits.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import { Task, type TaskSummary } from "./task.ts";
import type { TaskSetup } from "./task_setup.ts";

/** What all tasks of a run share. */
export interface TaskGroupOptions extends Omit<TaskSetup, "taskJournal" | "sandbox" | "permits"> {
  readonly pool: SandboxPool;
}

/** See the module. */
export class TaskGroup {
  readonly #options: TaskGroupOptions;
  readonly #cancel = new AbortController();
  readonly #permits: Permits;
  readonly #tasks: Task[] = [];
  readonly #failures: Error[] = [];
  readonly #running = new Set<Promise<void>>();

  constructor(options: TaskGroupOptions) {
    this.#permits = new Permits(options.limits.feedsTogetherMax);
    this.#options = { ...options, stop: AbortSignal.any([options.stop, this.#cancel.signal]) };
  }

  /** Runs every task of the run to its end; answers why some stopped before it. */
  async run(): Promise<readonly Error[]> {
    const { journal, run, limits } = this.#options;
    this.#start(journal.tasks(run));
    while (!await this.#hasEndedWithin(limits.partitionCheckMs)) await this.#addFresh();
    return this.#failures;
  }

  /** What each task did. */
  summaries(): readonly TaskSummary[] {
    return this.#tasks.map((task) => task.summary());
  }

  #start(rows: readonly TaskRow[]): void {
    const { pool, journal } = this.#options;
    for (const row of rows) {
      const index = this.#tasks.length;
      const own = { permits: this.#permits, taskJournal: journal.task(row), sandbox: () => pool.get(index) };
      const task = new Task({ ...this.#options, ...own });
      this.#tasks.push(task);
      const running = task.run().then(() => {}, (reason) => void this.#failures.push(asError(reason)));
      this.#running.add(running);
      running.then(() => this.#running.delete(running));
    }
  }

  async #hasEndedWithin(timeMs: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const timer = setTimeout(() => resolve(false), timeMs);
    Promise.all(this.#running).then(() => resolve(this.#running.size === 0));
    const hasEnded = await promise;
    clearTimeout(timer);
    return hasEnded;
  }

  async #addFresh(): Promise<void> {
    const { journal, run, sources, stop, clock, observer } = this.#options;
    if (stop.aborted) return;
    const fresh = await this.#findFresh();
    if (fresh.length === 0) return;
    const names = fresh.map(({ stream, partition }) => `${stream}/${partition}`);
    try {
      const rows = journal.atomically(() => {
        journal.addEvent(run, { kind: "partitions added", atMs: clock.nowMs(), detail: { partitions: names } });
        return assignTasks(run, fresh, { ...this.#options, sources });
      });
      observer.onNotice?.(
        `New: ${
          names.join(", ")
        }; read from here on. Keys may have moved there: state of a key stays with its old partition`,
      );
      this.#start(rows);
    } catch (error) {
      this.#failures.push(asError(error));
      this.#cancel.abort();
    }
  }

  /** A source that cannot answer now is asked again later: those who read from it will say what is wrong. */
  async #findFresh() {
    const { journal, run, sources } = this.#options;
    try {
      return await startsOf(freshPartitions(await partitionsOf(sources), journal.tasks(run)), sources);
    } catch {
      return [];
    }
  }
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
