/**
 * Succession: when partitions are split or merged, their tasks retire, and new tasks go on with their keys.
 *
 * - A partition is handed to an heir once all partitions that it came out of are committed to their ends, so keys keep
 *   their order.
 * - An heir begins with what the retired tasks kept under its keys (state_division.ts). That, its partitions and who
 *   retired are journaled in one transaction: after a crash there are the old tasks or the new ones, whole.
 * - A partition of a retired task that still goes on moves with the others, from where it stands.
 */

import { Digest } from "../engine/digest.ts";
import { type AssignmentContext, isSideBySide, shareOut } from "./assignment.ts";
import {
  type FeedEntry,
  livingTasks,
  type Progress,
  type Run,
  type StartedPartition,
  type Task,
  type TaskPartition,
} from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import type { TaskState } from "./sandbox/protocol.ts";
import { divideState, partsOf } from "./state_division.ts";
import { ownedStateMap } from "./state_map.ts";

/** Partitions that are new, and the tasks that had their keys. */
export interface Succession {
  readonly fresh: readonly TaskPartition[];
  readonly from: readonly Task[];
}

/** What it takes to hand over. */
export interface SuccessionContext extends AssignmentContext {
  readonly nowMs: number;
  /** Entries of one part of a snapshot. */
  readonly entriesMax: number;
}

/** What may be handed over now; tasks and partitions that belong together share one. */
export async function findSuccessions(
  run: Run,
  { journal, sources }: Pick<AssignmentContext, "journal" | "sources">,
): Promise<readonly Succession[]> {
  const tasks = journal.tasks(run);
  const owners = ownersOf(tasks);
  const living = new Set(livingTasks(tasks));
  let found: readonly Succession[] = [];
  for (const [input, source] of sources) {
    const { resharding } = source;
    if (!resharding) continue;
    const listed = (await source.partitions()).map((at): TaskPartition => ({ ...at, input }));
    const names = new Set(listed.map(partitionKey));
    const isFinished = (partition: string): boolean => {
      const owner = owners.get(partition);
      // One that is neither owned nor listed was removed by retention before the run came to it.
      if (!owner) return !names.has(partition);
      // One that an heir was given at its end is never read by it.
      const at = journal.task(owner).progress().get(partition) ?? owner.starts.get(partition);
      return at?.position === resharding.end;
    };
    for (const at of listed) {
      if (owners.has(partitionKey(at))) continue;
      const before = resharding.parents(at).map((parent) => partitionKey({ ...parent, input }));
      const from = [...new Set(before.flatMap((parent) => owners.get(parent) ?? []))];
      const isReady = from.length > 0 && from.every((task) => living.has(task)) && before.every(isFinished);
      if (isReady) found = joined(found, { fresh: [at], from });
    }
  }
  return found;
}

/** Partition → the last task that was given it. */
function ownersOf(tasks: readonly Task[]): ReadonlyMap<string, Task> {
  return new Map(tasks.flatMap((task) => task.partitions.map((each) => [partitionKey(each), task] as const)));
}

/** `found` with `next`, which becomes one with those that it shares a task with. */
function joined(found: readonly Succession[], next: Succession): Succession[] {
  const [related, others] = [true, false].map((isRelated) =>
    found.filter(({ from }) => from.some((task) => next.from.includes(task)) === isRelated)
  );
  const all = [...related, next];
  const from = [...new Set(all.flatMap((each) => each.from))].sort((a, b) => a.id - b.id);
  return [...others, { fresh: all.flatMap(({ fresh }) => fresh), from }];
}

/** A task that goes on for others, and what it begins with. */
export interface Heir {
  readonly name: string;
  readonly predecessors: readonly string[];
  /** What stands before its first feed. */
  readonly before: FeedEntry;
  readonly state: readonly TaskState[];
}

/** An heir that is not yet journaled. */
export interface StartedHeir extends Heir {
  readonly partitions: readonly StartedPartition[];
}

/**
 * The heirs of tasks that have stopped.
 *
 * @throws {StateNotMovable} when what they kept can be neither divided nor united
 */
export function heirsOf(run: Run, { fresh, from }: Succession, context: SuccessionContext): readonly StartedHeir[] {
  const { journal, sources } = context;
  const ends = new Map(from.flatMap((task) => [...journal.task(task).progress()]));
  const started = fresh.map((at): StartedPartition => {
    const { beginning, parents, inherit } = sources.get(at.input)!.resharding!;
    const before = parents(at).map((parent) => ({
      at: parent,
      anchor: ends.get(partitionKey({ ...parent, input: at.input }))?.anchor,
    }));
    const anchor = inherit?.(at, before);
    return { ...at, start: beginning, ...(anchor === undefined ? {} : { anchor }) };
  });
  const groups = shareOut([...leftOver(from, fresh, context), ...started], heirsMax(run, from, context));
  const known = journal.tasks(run).length;
  return bequeath(from, groups.map((partitions, i) => ({ name: String(known + i), partitions })), context);
}

/** Journals heirs, with what they take over, in one transaction. */
export function handOver(
  run: Run,
  heirs: readonly StartedHeir[],
  { journal, nowMs }: SuccessionContext,
): readonly Task[] {
  return journal.atomically(() => {
    const to = heirs.map(({ name, partitions }) => ({ task: name, partitions: partitions.map(partitionKey) }));
    journal.addEvent(run, { kind: "resharded", atMs: nowMs, detail: { from: heirs[0].predecessors, to } });
    return heirs.map(({ name, partitions, predecessors, before, state }) => {
      const heir = journal.createTask(run, name, partitions, predecessors);
      journal.task(heir).beginAt(before, new Uint32Array(0), state);
      return heir;
    });
  });
}

function heirsMax(run: Run, from: readonly Task[], context: SuccessionContext): number {
  if (!isSideBySide(context)) return 1;
  const { journal, tasksMax = Infinity } = context;
  return Math.max(1, tasksMax - (livingTasks(journal.tasks(run)).length - from.length));
}

/** What tasks that retire had besides the partitions that the fresh ones came out of, from where it stands. */
function leftOver(
  from: readonly Task[],
  fresh: readonly TaskPartition[],
  { journal, sources }: SuccessionContext,
): StartedPartition[] {
  const parents = new Set(fresh.flatMap((at) => {
    const { resharding } = sources.get(at.input)!;
    return resharding!.parents(at).map((parent) => partitionKey({ ...parent, input: at.input }));
  }));
  return from.flatMap((task) => {
    const progress = journal.task(task).progress();
    return task.partitions.filter((each) => !parents.has(partitionKey(each))).map((each): StartedPartition => {
      const at = progress.get(partitionKey(each)) ?? task.starts.get(partitionKey(each)) ?? BEGINNING;
      return { ...each, start: at.position, ...(at.anchor === undefined ? {} : { anchor: at.anchor }) };
    });
  });
}

const BEGINNING: Progress = { position: 0n };

/** What each of `heirs`, which are all that go on for `from`, begins with. */
export function bequeath<Partition extends TaskPartition>(
  from: readonly Task[],
  heirs: readonly { readonly name: string; readonly partitions: readonly Partition[] }[],
  context: SuccessionContext,
): readonly (Heir & { readonly partitions: readonly Partition[] })[] {
  const { journal, sources, entriesMax } = context;
  const journals = from.map((task) => journal.task(task));
  const lasts = journals.flatMap((each) => each.lastFeed() ?? []);
  const estates = journals.map((each) => ({
    task: each.task.name,
    ...ownedStateMap(each.stateBefore((each.lastFeed()?.seq ?? -1) + 1)),
  }));
  const heirOf = (key: string): number | undefined => {
    const heir = heirs.findIndex(({ partitions }) =>
      partitions.some((at) => sources.get(at.input)!.resharding!.holds(at, key))
    );
    return heir < 0 ? undefined : heir;
  };
  const shares = divideState(estates, { count: heirs.length, heirOf });
  // A place that one task alone may write to is handed over as it is.
  const receipts = isSideBySide(context) ? {} : lasts[0]?.receipts ?? {};
  return heirs.map(({ name, partitions }, i) => {
    const before = { ...beforeFirst(lasts, name), receipts };
    const state = [...partsOf(shares[i], entriesMax)];
    return { name, partitions, predecessors: from.map((task) => task.name), before, state };
  });
}

/** What stands before the first feed of an heir: time goes on, and digests depend on all that came before. */
function beforeFirst(lasts: readonly FeedEntry[], heir: string): FeedEntry {
  const digest = new Digest();
  for (const { chain } of lasts) digest.updateDigest(Digest.fromBytes(chain));
  const name = new TextEncoder().encode(heir);
  digest.update(new DataView(name.buffer), 0, name.length);
  return {
    seq: -1,
    epoch: -1n,
    ranges: [],
    isEnd: false,
    isReborn: false,
    records: 0,
    outputs: 0,
    failures: 0,
    letters: 0,
    nowMs: Math.max(0, ...lasts.map(({ nowMs }) => nowMs)),
    isStarted: lasts.some(({ isStarted }) => isStarted),
    chain: digest.toBytes(),
    inputDigest: new Uint8Array(16),
  };
}
