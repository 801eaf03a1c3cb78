/**
 * Rewinding: a stopped task goes back to where it stood before one of its feeds, on purpose.
 *
 * The journal is never cut. A feed is added in which nothing is processed: it changes state and timers back, and the task
 * stands where it stood then. So sequence and digests go on, every sink learns of it as of any feed, and what was done
 * before can still be replayed. What the task does next it does again: with sinks that keep what they have, its outputs
 * come a second time.
 */

import type { StateEntries } from "../engine/state.ts";
import {
  type Journal,
  JournalError,
  type Progress,
  REWOUND_TO,
  type Run,
  SHARED_THROUGH,
  type TaskJournal,
} from "./journal/journal.ts";
import { positionsBefore, type TaskInJournal } from "./journal/positions.ts";
import { ownedStateMap, packEntries } from "./state_map.ts";

/** What a rewind would do. */
export interface RewindPlan {
  readonly task: string;
  /** The feed that will be run again first. */
  readonly toFeed: number;
  /** The last feed there is. */
  readonly lastFeed: number;
  /** What the feeds from `toFeed` on did, and would do again. */
  readonly records: number;
  readonly outputs: number;
  /** Where each partition goes on. */
  readonly positions: ReadonlyMap<string, Progress>;
}

/** @throws {JournalError} when the task does not have that feed any more, or others go on for it */
export function planRewind(target: TaskInJournal, toFeed: number): RewindPlan {
  const { journal, run, taskJournal } = target;
  const { task } = taskJournal;
  refuseShared(journal, run);
  const heirs = journal.tasks(run).filter(({ predecessors }) => predecessors.includes(task.name));
  if (heirs.length > 0) {
    const names = heirs.map(({ name }) => name).join(", ");
    const reason = `its partitions were split or merged, task ${names} goes on with its keys; rewind that one`;
    throw new JournalError(`Cannot rewind task ${task.name}: ${reason}`, { code: "E_TASK_RETIRED" });
  }
  const last = taskJournal.lastFeed()?.seq ?? -1;
  const first = taskJournal.firstReplayable();
  if (toFeed < first || toFeed > last) {
    const has = last < 0 ? "it has no feeds" : `it has feeds ${first} to ${last}`;
    throw new JournalError(`Cannot rewind task ${task.name} to feed ${toFeed}: ${has}`, { code: "E_FEED_UNKNOWN" });
  }
  let [records, outputs] = [0, 0];
  for (const entry of taskJournal.feeds(toFeed, last + 1)) {
    records += entry.records;
    outputs += entry.outputs;
  }
  const positions = positionsBefore(target, toFeed);
  if (positions) return { task: task.name, toFeed, lastFeed: last, records, outputs, positions };
  const reason = "where all of its partitions stood then is not known any more; what was before was pruned";
  throw new JournalError(`Cannot rewind task ${task.name} to feed ${toFeed}: ${reason}`, { code: "E_FEED_UNKNOWN" });
}

/** What is in the journal alone is dropped when a process takes the task over. */
function refuseShared(journal: Journal, run: Run): void {
  const store = journal.events(run).findLast(({ detail }) => detail[SHARED_THROUGH] !== undefined)
    ?.detail[SHARED_THROUGH];
  if (store === undefined) return;
  throw new JournalError(
    `Cannot rewind run ${run.name}: processes share it through ${store}, by which they go on, not by this journal; start ` +
      "one of another --name, at the place that is wanted",
    { code: "E_RUN_SHARED" },
  );
}

/** Rewinds the task in its journal; its sinks follow when it is run next. Nobody else may own it meanwhile. */
export async function rewind(
  { journal, run, taskJournal }: TaskInJournal,
  plan: RewindPlan,
  nowMs: number,
): Promise<void> {
  const { toFeed, lastFeed, positions, task } = plan;
  const last = taskJournal.lastFeed()!;
  const [before] = taskJournal.feeds(toFeed - 1, toFeed);
  const { epoch: _, ...owner } = taskJournal.epochs().at(-1)!;
  const seq = lastFeed + 1;
  const detail = { toFeed, from: lastFeed, records: plan.records, outputs: plan.outputs };
  const feed = {
    seq,
    ranges: [],
    isEnd: false,
    isReborn: true,
    records: 0,
    outputs: 0,
    failures: 0,
    letters: 0,
    nowMs: before?.nowMs ?? 0,
    isStarted: before?.isStarted ?? false,
    chain: last.chain,
    inputDigest: new Uint8Array(16),
    givenUp: `${REWOUND_TO}${toFeed}`,
    unitDigests: new Uint32Array(0),
    changes: changesBack(taskJournal, toFeed, seq),
    deadLetters: [],
    captured: undefined,
    snapshotPart: undefined,
  };
  // A rewind that nobody is told of, or an event of one that was not, must not be left by a crash.
  await journal.atomically(() => {
    const epoch = taskJournal.openEpoch({ ...owner, openedMs: nowMs });
    journal.addEvent(run, { kind: "rewound", task, seq, atMs: nowMs, detail });
    return taskJournal.prepare({ ...feed, epoch }, positions);
  });
}

/** What makes the state before feed `seq` the one before feed `toFeed`. */
function changesBack(taskJournal: TaskJournal, toFeed: number, seq: number) {
  const [then, now] = [toFeed, seq].map((each) => ownedStateMap(taskJournal.stateBefore(each)));
  return { state: entriesBack(then.state, now.state), timers: entriesBack(then.timers, now.timers) };
}

function entriesBack(then: ReadonlyMap<string, string>, now: ReadonlyMap<string, string>): StateEntries {
  const changed = [...then].filter(([key, json]) => now.get(key) !== json);
  const gone = [...now.keys()].filter((key) => !then.has(key)).map((key) => [key, undefined] as const);
  return packEntries([...changed, ...gone]);
}
