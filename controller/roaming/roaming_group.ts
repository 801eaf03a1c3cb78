/**
 * The tasks of a run that several processes share: this one runs those whose leases it holds, and takes over those of
 * processes that died.
 *
 * Leases only say who tries. A task's feeds go to the store before their outputs are sent, and the store refuses those of an
 * owner that was overtaken: such a task stops here, which is no failure. What the processes have to agree on, the list of
 * tasks, changes by one conditional write (plan.ts).
 */

import type { LeaseTable } from "../../adapters/lease_table.ts";
import type { TaskStore } from "../../adapters/task_store.ts";
import { findFresh } from "../assignment.ts";
import { livingTasks, type Task as TaskRow } from "../journal/journal.ts";
import { partitionKey } from "../journal/rows.ts";
import { pause } from "../pause.ts";
import { commitsInFlightMax } from "../routing.ts";
import { asError, RunningTasks, type TaskOutcome } from "../running_tasks.ts";
import {
  bequeath,
  findSuccessions,
  handOver,
  heirsOf,
  type Succession,
  type SuccessionContext,
} from "../succession.ts";
import type { TaskSummary } from "../task.ts";
import type { TaskGroupOptions } from "../task_group.ts";
import { StateNotMovable } from "../task_errors.ts";
import { LeaseKeeper } from "./lease_keeper.ts";
import { unpackBase, unpackFeed } from "./packed_task.ts";
import { follow, type Plan, plannedFor, propose, readPlan } from "./plan.ts";
import { adopt, StoredTask } from "./stored_task.ts";

/** How a run is shared among processes. */
export interface RoamingOptions {
  /** What all of them have to know. */
  readonly store: TaskStore;
  /** Who tries to run what. */
  readonly leases: LeaseTable;
  /** Tells this process from every other. */
  readonly owner: string;
  /** After how long a process that shows no life loses its tasks. */
  readonly leaseMs: number;
}

/** What a group needs to know. */
export interface RoamingGroupOptions extends TaskGroupOptions {
  readonly roaming: RoamingOptions;
}

/** Rounds in the time of a lease. */
const ROUNDS = 3;

/** See the module. */
export class RoamingGroup {
  readonly #options: RoamingGroupOptions;
  readonly #tasks: RunningTasks;
  readonly #keeper: LeaseKeeper;
  readonly #failures: Error[] = [];
  /** Those that are not started again here: they failed, or their partitions were closed. */
  readonly #done = new Set<string>();
  readonly #closed = new Set<string>();
  readonly #starting = new Map<string, Promise<void>>();
  readonly #handingOver = new Set<string>();
  #checkedMs = -Infinity;
  #lastNotice = "";

  constructor(options: RoamingGroupOptions) {
    this.#options = options;
    this.#tasks = new RunningTasks(
      options,
      (name, outcome) => this.#noteEnd(name, outcome),
      (row) => this.#adopt(row),
    );
    const { leases: table, owner, leaseMs } = options.roaming;
    this.#keeper = new LeaseKeeper({ table, owner, leaseMs, nowMs: () => performance.now() });
  }

  /** Runs tasks until it is to stop; answers why some stopped before. */
  async run(): Promise<readonly Error[]> {
    const { roaming, stop, code } = this.#options;
    const roundMs = roaming.leaseMs / ROUNDS;
    await roaming.store.putCode(code.hash, JSON.stringify(code));
    // A round may hang for as long as the store does.
    const watch = setInterval(() => this.#stopWhenLate(), roundMs);
    try {
      while (!stop.aborted && !this.#isOver) {
        await this.#round();
        await pause(roundMs, stop);
      }
    } finally {
      clearInterval(watch);
    }
    await Promise.all(this.#starting.values());
    await this.#tasks.ended();
    for (const { name } of this.#living()) await this.#keeper.release(name).catch(() => {});
    return this.#failures;
  }

  /** What each task did here. */
  summaries(): readonly TaskSummary[] {
    return this.#tasks.summaries();
  }

  /** A task failed, and nothing else runs here. */
  get #isOver(): boolean {
    return this.#failures.length > 0 && this.#tasks.size + this.#starting.size === 0;
  }

  #living(): readonly TaskRow[] {
    const { journal, run } = this.#options;
    return livingTasks(journal.tasks(run));
  }

  /** What cannot be reached now is tried again in the next round; what others may have by then is not run meanwhile. */
  async #round(): Promise<void> {
    const { roaming, journal, run } = this.#options;
    try {
      const plan = (await readPlan(roaming.store))!;
      follow(journal, run, plan);
      await this.#forgetRetired();
      const { held, wanted } = await this.#keeper.round(this.#living().map(({ name }) => name));
      this.#runHeld(held, wanted);
      await this.#lookForPartitions(plan);
    } catch (error) {
      if (error instanceof StateNotMovable) this.#giveUp(error);
      else this.#notice(`${roaming.store.description}: ${asError(error).message}; trying again`);
    }
  }

  #stopWhenLate(): void {
    const names = this.#keeper.isLate ? this.#tasks.names() : [];
    if (names.length === 0) return;
    this.#notice("The leases could not be renewed in time; tasks stop here until they can be");
    for (const name of names) void this.#tasks.stop(name);
  }

  /** Whoever handed them over, they have heirs. */
  async #forgetRetired(): Promise<void> {
    const living = new Set(this.#living().map(({ name }) => name));
    for (const name of [...this.#closed].filter((each) => !living.has(each))) {
      this.#closed.delete(name);
      await this.#options.roaming.leases.remove(name);
    }
  }

  /** What cannot be handed over now cannot be later. */
  #giveUp(error: StateNotMovable): void {
    this.#failures.push(error);
    for (const name of error.tasks) this.#closed.delete(name);
  }

  #runHeld(held: ReadonlySet<string>, wanted: ReadonlySet<string>): void {
    for (const name of this.#tasks.names()) if (!held.has(name)) void this.#tasks.stop(name);
    for (const name of wanted) void this.#giveAway(name);
    for (const row of this.#living()) {
      const isMine = held.has(row.name) && !wanted.has(row.name) && !this.#done.has(row.name);
      if (!isMine || this.#tasks.has(row.name) || this.#starting.has(row.name)) continue;
      this.#starting.set(row.name, this.#start(row).finally(() => this.#starting.delete(row.name)));
    }
  }

  async #giveAway(name: string): Promise<void> {
    if (this.#handingOver.has(name) || this.#starting.has(name)) return;
    this.#handingOver.add(name);
    await this.#tasks.stop(name);
    await this.#keeper.release(name).catch((error) => this.#notice(asError(error).message));
    this.#handingOver.delete(name);
  }

  async #start(row: TaskRow): Promise<void> {
    const { roaming: { store }, journal, sources, code, environment, onError, clock, routes, observer } = this.#options;
    const taskJournal = journal.task(row);
    const owner = { openedMs: clock.nowMs(), codeHash: code.hash, environment, config: { onError } };
    try {
      // Other processes may have found partitions that this one has not heard of.
      for (const source of sources.values()) if (source.resharding) await source.partitions();
      await this.#inherit(row);
      for (const { sink } of routes) sink.release?.(row.name);
      const unsettledMax = commitsInFlightMax(routes);
      if (this.#options.stop.aborted) return;
      const stored = await StoredTask.takeOver({ store, journal, taskJournal, owner, unsettledMax });
      observer.onNotice?.(`Task ${row.name} runs here`);
      this.#tasks.start(row, { taskJournal, stored });
    } catch (error) {
      this.#noteEnd(row.name, { error: asError(error), wasStopped: false });
    }
  }

  #noteEnd(name: string, outcome: TaskOutcome): void {
    if ("error" in outcome) {
      const { error } = outcome;
      if (isOf(error, "E_FENCED")) return this.#notice(`Task ${name} was taken over by another process`);
      // It is started again when store and sinks can be reached, here or elsewhere.
      const isInterrupted = outcome.wasStopped && isOf(error, "E_COMMIT_UNKNOWN");
      if (isInterrupted || isOf(error, "E_STORE_UNREACHABLE")) return this.#notice(error.message);
      this.#done.add(name);
      this.#failures.push(error);
    } else if (outcome.end === "closed") {
      this.#done.add(name);
      this.#closed.add(name);
    }
  }

  /** Said once, until something else is to be said. */
  #notice(text: string): void {
    if (text === this.#lastNotice) return;
    this.#lastNotice = text;
    this.#options.observer.onNotice?.(text);
  }

  async #lookForPartitions(plan: Plan): Promise<void> {
    const { limits } = this.#options;
    if (this.#closed.size > 0) await this.#lookForHeirs(plan);
    if (performance.now() - this.#checkedMs < limits.partitionCheckMs) return;
    this.#checkedMs = performance.now();
    await this.#addFresh(plan);
  }

  async #addFresh(plan: Plan): Promise<void> {
    const { journal, run, sources, tasksMax, roaming: { store } } = this.#options;
    const fresh = await findFresh(sources, journal.tasks(run), run);
    if (fresh.length === 0) return;
    await propose(store, { ...plan, tasks: [...plan.tasks, ...plannedFor(fresh, plan.tasks.length, tasksMax)] });
  }

  /** Tasks whose partitions were closed here may have heirs, together with some that were closed elsewhere. */
  async #lookForHeirs(plan: Plan): Promise<void> {
    const { journal, run, sources } = this.#options;
    await this.#catchUp();
    for (const succession of await findSuccessions(run, { journal, sources })) {
      if (succession.from.some(({ name }) => this.#closed.has(name))) return await this.#handOver(plan, succession);
    }
  }

  /** Brings what other processes did with parents of the same partitions into the journal here. */
  async #catchUp(): Promise<void> {
    const { sources } = this.#options;
    const living = this.#living();
    const ownerOf = new Map(living.flatMap((row) => row.partitions.map((at) => [partitionKey(at), row] as const)));
    for (const [input, { resharding }] of sources) {
      for (const at of resharding ? await sources.get(input)!.partitions() : []) {
        const parents = resharding!.parents(at).map((parent) => ownerOf.get(partitionKey({ ...parent, input })));
        if (!parents.some((row) => row && this.#closed.has(row.name))) continue;
        for (const row of parents) if (row && !this.#isHere(row.name)) await this.#adopt(row);
      }
    }
  }

  #isHere(name: string): boolean {
    return this.#tasks.has(name) || this.#starting.has(name) || this.#closed.has(name);
  }

  async #adopt(row: TaskRow): Promise<void> {
    const { roaming: { store }, journal } = this.#options;
    const stored = await store.peek(row.name);
    const context = { store, journal, taskJournal: journal.task(row), unsettledMax: 1 };
    if (stored) await adopt(context, unpackBase(stored.base), stored.feeds.map(unpackFeed));
  }

  /**
   * What an heir begins with follows from what its predecessors left in the store, where nobody has written of it yet: who
   * takes it first works it out. So a process that proposes heirs and loses leaves nothing behind.
   */
  async #inherit(row: TaskRow): Promise<void> {
    const { journal, run, roaming: { store } } = this.#options;
    const isBegun = row.predecessors.length === 0 || journal.task(row).lastFeed() || await store.peek(row.name);
    if (isBegun) return;
    const rows = journal.tasks(run);
    const from = rows.filter(({ name }) => row.predecessors.includes(name));
    for (const each of from) await this.#adopt(each);
    const heirs = rows.filter(({ predecessors }) => predecessors.join() === row.predecessors.join());
    const own = bequeath(from, heirs, this.#context()).find(({ name }) => name === row.name)!;
    journal.atomically(() => journal.task(row).beginAt(own.before, new Uint32Array(0), own.state));
  }

  #context(): SuccessionContext {
    const { clock, limits } = this.#options;
    return { ...this.#options, nowMs: clock.nowMs(), entriesMax: limits.snapshotEntriesPerFeed };
  }

  /** Tasks that have other partitions besides are taken from their owners first: those move with the rest. */
  async #handOver(plan: Plan, succession: Succession): Promise<void> {
    const { run, journal, observer, roaming: { store, leases } } = this.#options;
    for (const row of succession.from) {
      await this.#tasks.stop(row.name);
      await store.acquire(row.name);
      await this.#adopt(row);
      // Whoever ran it elsewhere may have died between the store and the sinks, and heirs do not look behind their beginning.
      if (!this.#closed.has(row.name)) await this.#tasks.settle(journal.task(row));
    }
    const context = this.#context();
    const heirs = heirsOf(run, succession, context);
    const tasks = heirs.map(({ name, partitions, predecessors }) => ({ name, partitions, predecessors }));
    if (!await propose(store, { ...plan, tasks: [...plan.tasks, ...tasks] })) return;
    handOver(run, heirs, context);
    for (const { name } of succession.from) {
      this.#closed.delete(name);
      await leases.remove(name);
    }
    const [names, from] = [tasks, succession.from].map((each) => each.map(({ name }) => name).join(", "));
    observer.onNotice?.(`Resharded: task ${names} goes on for task ${from}; state has moved with its keys`);
  }
}

/** Sinks that are their own home refuse an owner that was overtaken with the same code as the store. */
function isOf(error: Error, code: string): boolean {
  return (error as { readonly code?: unknown }).code === code;
}
