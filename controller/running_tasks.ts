/** The tasks that this process has started: how to stop them, how they ended, what they did. */

import type { Task as TaskRow, TaskJournal } from "./journal/journal.ts";
import { Permits } from "./permits.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import { Task, type TaskEnd, type TaskSummary } from "./task.ts";
import type { TaskSetup } from "./task_setup.ts";

/** What all tasks of a run share. */
export interface SharedSetup extends Omit<TaskSetup, "taskJournal" | "sandbox" | "permits" | "stored"> {
  readonly pool: SandboxPool;
}

/** How a task ended. */
export type TaskOutcome = { readonly end: TaskEnd } | { readonly error: Error };

interface Running {
  readonly stop: AbortController;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

/** See the module. */
export class RunningTasks {
  readonly #setup: SharedSetup;
  readonly #permits: Permits;
  readonly #onEnd: (name: string, outcome: TaskOutcome) => void;
  readonly #tasks = new Map<string, Task>();
  readonly #running = new Map<string, Running>();
  /** Those that have come to the end of their inputs. */
  readonly #ended: Task[] = [];
  #started = 0;

  /** @param onEnd called when a task has ended, before those who wait for it */
  constructor(setup: SharedSetup, onEnd: (name: string, outcome: TaskOutcome) => void) {
    this.#setup = setup;
    this.#permits = new Permits(setup.limits.feedsTogetherMax);
    this.#onEnd = onEnd;
  }

  get size(): number {
    return this.#running.size;
  }

  has(name: string): boolean {
    return this.#running.has(name);
  }

  names(): readonly string[] {
    return [...this.#running.keys()];
  }

  /** What each task did, those that have ended too. */
  summaries(): readonly TaskSummary[] {
    return [...this.#tasks.values()].map((task) => task.summary());
  }

  /** Starts a task; `own` is what it has for itself. */
  start(
    { name }: Pick<TaskRow, "name">,
    own: { readonly taskJournal: TaskJournal } & Pick<TaskSetup, "stored">,
  ): void {
    const { pool, stop: stopAll } = this.#setup;
    const index = this.#started++;
    const stop = new AbortController();
    const task = new Task({
      ...this.#setup,
      ...own,
      permits: this.#permits,
      sandbox: () => pool.get(index),
      stop: AbortSignal.any([stopAll, stop.signal]),
    });
    this.#tasks.set(name, task);
    this.#running.set(name, { stop, ended: this.#run(name, task) });
  }

  async #run(name: string, task: Task): Promise<void> {
    let outcome: TaskOutcome;
    try {
      outcome = { end: await task.run() };
      if (outcome.end === "ended") this.#ended.push(task);
    } catch (reason) {
      outcome = { error: asError(reason) };
    }
    this.#running.delete(name);
    this.#onEnd(name, outcome);
  }

  /**
   * What tasks that have ended committed may be lost while others go on: looks again, and brings it back.
   *
   * @throws what keeps a sink from being looked at
   */
  async makeSure(): Promise<void> {
    for (const task of this.#ended) await task.makeSure();
  }

  /** Stops a task if it runs; resolves when what was under way is committed. */
  async stop(name: string): Promise<void> {
    const running = this.#running.get(name);
    running?.stop.abort();
    await running?.ended;
  }

  /** Resolves when all that run now have ended. */
  async ended(): Promise<void> {
    await Promise.all([...this.#running.values()].map(({ ended }) => ended));
  }
}

/** Whatever was thrown, as an error. */
export function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
