/**
 * The plan of a run: what all its processes have to agree on before any of them feeds a record.
 *
 * It is one text in the store, with a version: who changes it names the version that it has seen, and looks again when
 * another process was first. Journals follow it: tasks have the same names everywhere.
 */

import type { TaskStore } from "../../adapters/task_store.ts";
import { type AssignmentContext, findFresh, shareOut } from "../assignment.ts";
import type { Journal, Run, RunSpec, StartedPartition } from "../journal/journal.ts";
import { partitionKey, toJson } from "../journal/rows.ts";

/** A task as the plan has it. */
export interface PlannedTask {
  readonly name: string;
  readonly partitions: readonly StartedPartition[];
  readonly predecessors: readonly string[];
}

/** See the module. */
export interface Plan {
  readonly version: number;
  readonly run: RunSpec;
  readonly tasks: readonly PlannedTask[];
}

const FORMAT = 1;

interface PlanJson {
  readonly format: typeof FORMAT;
  readonly run: RunSpec;
  readonly tasks: readonly (Omit<PlannedTask, "partitions"> & {
    readonly partitions: readonly (Omit<StartedPartition, "start"> & { readonly start: string })[];
  })[];
}

/** The plan as it is now. */
export async function readPlan(store: TaskStore): Promise<Plan | undefined> {
  const stored = await store.plan();
  if (!stored) return undefined;
  const { format, run, tasks } = JSON.parse(stored.text) as PlanJson;
  if (format !== FORMAT) throw new Error(`Cannot read the plan in ${store.description}: it has format ${format}`);
  return {
    version: stored.version,
    run,
    tasks: tasks.map((task) => ({
      ...task,
      partitions: task.partitions.map((each) => ({ ...each, start: BigInt(each.start) })),
    })),
  };
}

/** Replaces a plan; false when another process was first. */
export async function propose(store: TaskStore, { version, run, tasks }: Plan): Promise<boolean> {
  return await store.proposePlan(version, toJson({ format: FORMAT, run, tasks }));
}

/** The plan; `first` is what it becomes when this process is the first. */
export async function agree(store: TaskStore, first: () => Promise<Omit<Plan, "version">>): Promise<Plan> {
  for (;;) {
    const plan = await readPlan(store);
    if (plan) return plan;
    await propose(store, { version: 0, ...await first() });
  }
}

/** A plan of all partitions that there are now. */
export async function newPlan(
  run: RunSpec,
  { sources, tasksMax }: Pick<AssignmentContext, "sources" | "tasksMax">,
): Promise<Omit<Plan, "version">> {
  const fresh = await findFresh(sources, [], undefined);
  return { run, tasks: plannedFor(fresh, 0, tasksMax) };
}

/** The plan of a run that was not shared so far. */
export function planOfJournal(journal: Journal, known: Run): Omit<Plan, "version"> {
  const { id: _, ...run } = known;
  const tasks = journal.tasks(known).map(({ name, partitions, starts, predecessors }): PlannedTask => ({
    name,
    predecessors,
    partitions: partitions.map((each): StartedPartition => {
      const { position: start, anchor } = starts.get(partitionKey(each)) ?? { position: 0n, anchor: undefined };
      return { ...each, start, ...(anchor === undefined ? {} : { anchor }) };
    }),
  }));
  return { run, tasks };
}

/** Tasks for partitions that are new. */
export function plannedFor(
  fresh: readonly StartedPartition[],
  known: number,
  tasksMax = fresh.length,
): readonly PlannedTask[] {
  return shareOut(fresh, tasksMax).map((partitions, i) => ({ name: String(known + i), partitions, predecessors: [] }));
}

/** Adds to the journal what it does not have of the plan. */
export function follow(journal: Journal, run: Run, { tasks }: Plan): void {
  const known = new Set(journal.tasks(run).map(({ name }) => name));
  for (const { name, partitions, predecessors } of tasks) {
    if (!known.has(name)) journal.createTask(run, name, partitions, predecessors);
  }
}
