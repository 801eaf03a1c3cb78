/**
 * Where a task stood before one of its feeds. Feeds say where partitions went; of those that were moved by none that is
 * left, the last prune says where they stood then.
 */

import {
  type FeedEntry,
  type Journal,
  type Progress,
  progressBehind,
  REWOUND_TO,
  type Run,
  type TaskJournal,
} from "./journal.ts";
import { partitionKey, progressFrom } from "./rows.ts";

/** The feed that `entry` goes back to, when it is a rewind. */
export function rewoundTo({ givenUp }: FeedEntry): number | undefined {
  return givenUp?.startsWith(REWOUND_TO) ? Number(givenUp.slice(REWOUND_TO.length)) : undefined;
}

/** Whose journal. */
export interface TaskInJournal {
  readonly journal: Journal;
  readonly run: Run;
  readonly taskJournal: TaskJournal;
}

/**
 * Where the task stood before feed `seq`, each partition that had begun; undefined when that is not known any more, because
 * what was before was pruned by a Sluice that did not note it, or was never in this journal.
 */
export function positionsBefore(target: TaskInJournal, seq: number): ReadonlyMap<string, Progress> | undefined {
  const { partitions } = target.taskJournal.task;
  const positions = new Map<string, Progress>();
  let [entry] = target.taskJournal.feeds(seq - 1, seq);
  while (entry && positions.size < partitions.length) {
    for (const range of entry.ranges) {
      const key = partitionKey(range);
      if (!positions.has(key)) positions.set(key, progressBehind(range));
    }
    // Behind a rewind the task stood where it stood before its target.
    const before = rewoundTo(entry) ?? entry.seq;
    [entry] = target.taskJournal.feeds(before - 1, before);
  }
  if (positions.size === partitions.length) return positions;
  const first = positionsAtFirst(target);
  return first && new Map([...first, ...positions]);
}

/** Where partitions stood before the first feed that is left, all that had begun. */
function positionsAtFirst({ journal, run, taskJournal }: TaskInJournal): ReadonlyMap<string, Progress> | undefined {
  const { task } = taskJournal;
  if (taskJournal.firstReplayable() === 0) return task.starts;
  const pruned = journal.events(run).findLast(({ kind, task: name }) => kind === "pruned" && name === task.name);
  const positions = pruned?.detail.positions;
  return positions === undefined ? undefined : progressFrom(JSON.stringify(positions));
}
