/**
 * Which task has which partitions. Tasks keep theirs for good; partitions that are new become new tasks.
 *
 * A new task's start is journaled before it reads anything: "latest" is one offset, also after a crash (I9).
 */

import type { Source } from "../adapters/source.ts";
import { compareText } from "../engine/state.ts";
import {
  type Journal,
  JournalError,
  type Run,
  type StartedPartition,
  type Task,
  type TaskPartition,
} from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import type { Route } from "./routing.ts";

/**
 * The partitions that no task has: all, at first, or those that are new. Where partitions split and merge, new ones go to
 * the heirs of the tasks that had their keys (succession.ts).
 */
async function unassigned(
  sources: ReadonlyMap<string, Source>,
  tasks: readonly Task[],
): Promise<readonly TaskPartition[]> {
  const found: TaskPartition[] = [];
  for (const [input, source] of sources) {
    const isKnown = tasks.some(({ partitions }) => partitions.some((each) => each.input === input));
    if (source.resharding && isKnown) continue;
    const partitions = await (source.resharding?.begin() ?? source.partitions());
    for (const { stream, partition } of partitions) found.push({ input, stream, partition });
  }
  return freshPartitions(found, tasks).toSorted(comparePartitions);
}

/** Orders partitions as tasks are numbered. */
export function comparePartitions(a: TaskPartition, b: TaskPartition): number {
  return compareText(a.input, b.input) || compareText(a.stream, b.stream) ||
    (Number(a.partition) - Number(b.partition)) || compareText(a.partition, b.partition);
}

/** Those of `found` that none of `tasks` has or had. */
function freshPartitions(found: readonly TaskPartition[], tasks: readonly Task[]): readonly TaskPartition[] {
  const owned = new Set(tasks.flatMap(({ partitions }) => partitions.map(partitionKey)));
  return found.filter((partition) => !owned.has(partitionKey(partition)));
}

/** Where to begin in the partitions that none of `tasks` has; `run` is undefined before there is one. */
export async function findFresh(
  sources: ReadonlyMap<string, Source>,
  tasks: readonly Task[],
  run: Pick<Run, "sources"> | undefined,
): Promise<readonly StartedPartition[]> {
  // All partitions that an input had became tasks together with the run, or with the input.
  const ofTasks = tasks.flatMap(({ partitions }) => partitions.map(({ input }) => input));
  const known = new Set([...Object.keys(run?.sources ?? {}), ...ofTasks]);
  return await Promise.all((await unassigned(sources, tasks)).map(async (each) => {
    const source = sources.get(each.input)!;
    const start = await (known.has(each.input) && source.startOfAdded?.(each) || source.start(each));
    const anchor = source.startAnchor?.(each);
    return { ...each, start, ...(anchor === undefined ? {} : { anchor }) };
  }));
}

/** What decides how partitions become tasks. */
export interface AssignmentContext {
  readonly journal: Journal;
  readonly sources: ReadonlyMap<string, Source>;
  readonly routes: readonly Route[];
  /** New partitions become so many tasks at most; a task for each unless given. */
  readonly tasksMax?: number | undefined;
}

/**
 * Journals tasks for `fresh` partitions: where they can go side by side, one for each, or as many as there may be, which
 * take turns; else one for all.
 *
 * @throws {JournalError} when the one task that a run can have has its partitions already
 */
export function assignTasks(run: Run, fresh: readonly StartedPartition[], context: AssignmentContext): readonly Task[] {
  if (fresh.length === 0) return [];
  const { journal } = context;
  const known = journal.tasks(run).length;
  if (known > 0 && !isSideBySide(context)) throw newPartitions(run, fresh, context);
  return shareOut(fresh, countTasks(fresh, context)).map((group, i) =>
    journal.createTask(run, String(known + i), group)
  );
}

/** How many tasks `fresh` partitions become. */
export function countTasks(fresh: readonly TaskPartition[], context: Omit<AssignmentContext, "journal">): number {
  return Math.min(fresh.length, isSideBySide(context) ? context.tasksMax ?? fresh.length : 1);
}

/** Whether a run may have several tasks: they share neither inputs nor the place they write to. */
export function isSideBySide({ sources, routes }: Pick<AssignmentContext, "sources" | "routes">): boolean {
  return sources.size === 1 && routes.every(({ sink }) => sink.takesManyTasks);
}

/** Partitions in turn for as many tasks as there may be. */
export function shareOut(partitions: readonly StartedPartition[], tasksMax: number): readonly StartedPartition[][] {
  const tasks = Math.min(tasksMax, partitions.length);
  return Array.from({ length: tasks }, (_, task) => partitions.filter((_, i) => i % tasks === task));
}

function newPartitions({ name }: Run, fresh: readonly TaskPartition[], { sources }: AssignmentContext): JournalError {
  const wayOut = sources.size > 1
    ? "use another --name: a run with several inputs has one task"
    : "use another --name, or write where each task has its own place, such as a folder or a topic";
  const list = fresh.map(({ stream, partition }) => `${stream}/${partition}`).join(", ");
  return new JournalError(
    `Cannot go on with run ${name}: ${list} is new, and its one task has fixed partitions; ${wayOut}`,
    { code: "E_PARTITIONS_CHANGED" },
  );
}
