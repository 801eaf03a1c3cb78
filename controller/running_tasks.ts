/** The tasks that this process has started: how to stop them, how they ended, what they did. */

import type { Task as TaskRow, TaskJournal } from "./journal/journal.ts";
import { Permits } from "./permits.ts";
import type { SandboxPool } from "./sandbox/pool.ts";
import { Task, type TaskEnd, type TaskSummary } from "./task.ts";
import type { TaskSetup } from "./task_setup.ts";

/** What all tasks of a run share. */
export interface SharedSetup
  extends Omit<TaskSetup, "taskJournal" | "sandbox" | "permits" | "stored" | "before" | "hurry" | "leave"> {
  readonly pool: SandboxPool;
}

/** How a task ended; whether it failed when it alone had been told to stop. */
export type TaskOutcome = { readonly end: TaskEnd } | { readonly error: Error; readonly wasStopped: boolean };

/** What a task has for itself. */
export interface OwnSetup extends Pick<TaskSetup, "stored"> {
  readonly taskJournal: TaskJournal;
}

interface Running {
  readonly stop: AbortController;
  readonly hurry: AbortController;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;
}

const NEVER = new AbortController().signal;

/** See the module. */
export class RunningTasks {
  readonly #setup: SharedSetup;
  readonly #permits: Permits;
  readonly #onEnd: (name: string, outcome: TaskOutcome) => void;
  readonly #fetch: ((row: TaskRow) => Promise<void>) | undefined;
  readonly #tasks = new Map<string, Task>();
  readonly #retirees = new Map<string, Task>();
  readonly #running = new Map<string, Running>();
  /** Those that have come to the end of their inputs. */
  readonly #ended: Task[] = [];
  #started = 0;

  /**
   * @param onEnd called when a task has ended, before those who wait for it
   * @param fetch brings the journal what other processes did with a task, where there are others
   */
  constructor(
    setup: SharedSetup,
    onEnd: (name: string, outcome: TaskOutcome) => void,
    fetch?: (row: TaskRow) => Promise<void>,
  ) {
    this.#fetch = fetch;
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
  start({ name, predecessors }: Pick<TaskRow, "name" | "predecessors">, own: OwnSetup): void {
    const [stop, hurry] = [new AbortController(), new AbortController()];
    const before = this.#makingSureOf(predecessors);
    const task = this.#open({ ...own, before, stop: stop.signal, hurry: hurry.signal });
    this.#tasks.set(name, task);
    this.#running.set(name, { stop, hurry, ended: this.#run(name, task) });
  }

  #open({ stop, hurry, ...own }: OwnSetup & Pick<TaskSetup, "before" | "stop" | "hurry">): Task {
    const { pool, stop: stopAll } = this.#setup;
    const index = this.#started++;
    return new Task({
      ...this.#setup,
      ...own,
      permits: this.#permits,
      sandbox: () => pool.get(index),
      stop: AbortSignal.any([stopAll, stop]),
      hurry: AbortSignal.any([stopAll, hurry]),
      leave: stopAll,
    });
  }

  /** What is to be done before the outputs of those who go on for `names`; nothing where sinks lose nothing. */
  #makingSureOf(names: readonly string[]): (() => Promise<void>) | undefined {
    const mayLose = this.#setup.routes.some(({ sink }) => sink.mayHaveLost !== undefined);
    if (names.length === 0 || !mayLose) return undefined;
    return async () => {
      for (const name of names) await (await this.#retired(name)).makeSure();
    };
  }

  /** A task whose keys others go on with: it ran here, in a process before this one, or in one beside it. */
  async #retired(name: string): Promise<Task> {
    const known = this.#retirees.get(name) ?? (this.#fetch ? undefined : this.#tasks.get(name));
    if (known) return known;
    const { journal, run } = this.#setup;
    const row = journal.tasks(run).find((each) => each.name === name)!;
    await this.#fetch?.(row);
    const before = this.#makingSureOf(row.predecessors);
    const task = this.#open({ taskJournal: journal.task(row), before, stop: NEVER, hurry: NEVER });
    this.#retirees.set(name, task);
    return task;
  }

  /**
   * Brings the sinks what a task that ran elsewhere left for them in the journal; it does not go on. A sink that cannot be
   * reached is not waited for.
   *
   * @throws what keeps a sink from having it
   */
  async settle(taskJournal: TaskJournal): Promise<void> {
    await this.#open({ taskJournal, before: undefined, stop: NEVER, hurry: AbortSignal.abort() }).settle();
  }

  async #run(name: string, task: Task): Promise<void> {
    let outcome: TaskOutcome;
    try {
      outcome = { end: await task.run() };
      if (outcome.end === "ended") this.#ended.push(task);
    } catch (reason) {
      outcome = { error: asError(reason), wasStopped: this.#running.get(name)?.stop.signal.aborted ?? false };
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

  /** Stops a task if it runs; resolves when what was under way is committed, or cannot be now. */
  async stop(name: string): Promise<void> {
    this.#running.get(name)?.hurry.abort();
    await this.retire(name);
  }

  /** Stops a task that others will go on for, if it runs: what is under way is committed, however long that takes. */
  async retire(name: string): Promise<void> {
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
