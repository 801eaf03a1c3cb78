/**
 * Recovery: brings journal and sinks of a task to the same feed before anything new is read (DESIGN.md §6).
 *
 * Fence, read the sinks' checkpoint `c`, compare it with the last prepared feed `p` and the last settled feed `s` of the
 * journal. `c = p`: settle. `s ≤ c < p`: run the feeds behind c again with their recorded times and effects; they must
 * give the recorded digests; commit them. `c < s`: the sink's system lost commits that it had acknowledged (decision
 * 0008). When its checkpoint bears the digest that the journal has for feed c, it is this run's, and is treated alike.
 * Anything else means that journal and sink do not belong together, and stops the task (I9).
 */

import type { Checkpoint, Receipt } from "../adapters/sink.ts";
import { toHex } from "../engine/digest.ts";
import { acquire, commitAhead, commitTo } from "./commit_to.ts";
import { type FeedEntry, JournalError, type Progress, progressBehind } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import { Rerun, type RerunFeed } from "./replay/rerun.ts";
import { positionsOf, type Route, routeOutputs, runIdentity } from "./routing.ts";
import type { TaskSetup } from "./task_setup.ts";

/** A sink that does not have all feeds. */
interface Behind {
  readonly route: Route;
  /** The last feed that it has. */
  readonly seq: number;
}

/**
 * Takes over sinks of a task, all of them unless `routes` says otherwise, and brings them what they do not have; answers
 * the feeds of which the journal had not known that all sinks have them.
 */
export async function recover(
  setup: TaskSetup,
  epoch: bigint,
  routes: readonly Route[] = setup.routes,
): Promise<readonly FeedEntry[]> {
  const { taskJournal } = setup;
  const last = taskJournal.lastFeed();
  const settled = lastSettled(setup, last);
  const behind: Behind[] = [];
  const receipts: Record<string, Receipt> = {};
  for (const route of routes) {
    const known = last && checkpointFor(settled, last, route);
    const { checkpoint } = await acquire(route.sink, taskJournal.task.name, epoch, known, setup);
    const seq = checkpoint?.seq ?? -1;
    const expected = last?.seq ?? -1;
    receipts[route.name] = checkpoint?.receipt ?? {};
    if (seq === expected) continue;
    if (seq < expected && seq >= (settled?.seq ?? -1)) behind.push({ route, seq });
    else if (checkpoint && isOfThisRun(setup, checkpoint)) behind.push(noteRewound(setup, route, seq, settled!.seq));
    else await refuse(setup, route, seq, expected);
  }
  // Only now: a sink that has lost something since would be another connection's.
  await setup.before?.();
  await verifySources(setup);
  if (last === undefined) return [];
  if (behind.length > 0) {
    Object.assign(receipts, await bringForward(setup, epoch, last, behind));
    // Older ranges were read meanwhile.
    await verifySources(setup);
  }
  const unsettled = [...taskJournal.feeds((settled?.seq ?? -1) + 1, last.seq + 1)];
  // Of feeds before the last nobody needs a receipt any more.
  for (const { seq } of unsettled) taskJournal.settle(seq, receipts);
  taskJournal.flush();
  return unsettled;
}

/** The newest feed that all sinks have, as far as the journal knows. */
function lastSettled({ taskJournal }: TaskSetup, last: FeedEntry | undefined): FeedEntry | undefined {
  let entry = last;
  while (entry && !entry.receipts) [entry] = taskJournal.feeds(entry.seq - 1, entry.seq);
  return entry;
}

/** What the journal knows about a sink; that it may have begun, when no feed is settled. */
function checkpointFor(
  settled: FeedEntry | undefined,
  { seq, epoch }: FeedEntry,
  { name }: Pick<Route, "name">,
): Checkpoint {
  const isLast = settled?.seq === seq;
  return { seq: settled?.seq ?? -1, epoch: settled?.epoch ?? epoch, receipt: settled?.receipts?.[name] ?? {}, isLast };
}

/** Digests are chained: one that is equal stands for all feeds up to it. */
function isOfThisRun({ taskJournal }: TaskSetup, { seq, digest }: Checkpoint): boolean {
  const [entry] = taskJournal.feeds(seq, seq + 1);
  return entry !== undefined && digest !== undefined && toHex(entry.chain) === digest;
}

function noteRewound({ journal, run, taskJournal, clock, observer }: TaskSetup, route: Route, seq: number, to: number) {
  const task = taskJournal.task.name;
  const detail = { sink: route.sink.description, from: seq + 1, to: to + 1 };
  journal.addEvent(run, { kind: "sink rewound", task, atMs: clock.nowMs(), detail });
  observer.onNotice?.(
    `${route.sink.description} lost feeds ${
      seq + 1
    } to ${to} of task ${task}, which it had acknowledged; they are run ` +
      "again and give the same bytes",
  );
  return { route, seq };
}

/**
 * Takes the sources of a task back to where it stands: without it nobody would notice what is trimmed behind that before it
 * is read once more.
 */
export async function verifySources({ taskJournal, sources }: TaskSetup): Promise<void> {
  const progress = taskJournal.progress();
  for (const partition of taskJournal.task.partitions) {
    const key = partitionKey(partition);
    const at = progress.get(key) ?? taskJournal.task.starts.get(key);
    if (at) await sources.get(partition.input)?.verify(partition, at.position, at.anchor);
  }
}

/** Runs the feeds that are missing somewhere again, for the sinks that do not have them; answers the last receipts. */
async function bringForward(
  setup: TaskSetup,
  epoch: bigint,
  last: FeedEntry,
  behind: readonly Behind[],
): Promise<Record<string, Receipt>> {
  const receipts: Record<string, Receipt> = {};
  const from = Math.min(...behind.map(({ seq }) => seq)) + 1;
  const rerun = new Rerun(setup);
  try {
    for (const entry of setup.taskJournal.feeds(from, last.seq + 1)) {
      const feed = await rerun.next(entry);
      for (const { route, seq } of behind) {
        if (seq < entry.seq) receipts[route.name] = await commitAgain(setup, epoch, feed, route);
      }
    }
    return receipts;
  } finally {
    await rerun.close();
  }
}

async function commitAgain(setup: TaskSetup, epoch: bigint, feed: RerunFeed, { name, sink }: Route): Promise<Receipt> {
  const { taskJournal, sources, routes } = setup;
  const { entry, outputs, outputNames } = feed;
  const part = routes.findIndex((route) => route.name === name);
  const commit = {
    run: runIdentity(setup.run),
    task: taskJournal.task.name,
    seq: entry.seq,
    epoch,
    outputs: routeOutputs(outputs, outputNames, routes)[part],
    outputNames,
    positions: positionsOf(taskJournal.task.partitions, sources, progressAfter(setup, entry)),
    digest: entry.chain,
  };
  const settled = checkpointFor(lastSettled(setup, taskJournal.lastFeed()), entry, { name });
  // What it lost meanwhile may be more than this feed.
  return sink.mayHaveLost ? await commitAhead(sink, commit, setup) : await commitTo(sink, commit, settled, setup);
}

/** Where the task stood after a feed. */
function progressAfter({ taskJournal }: TaskSetup, entry: FeedEntry): ReadonlyMap<string, Progress> {
  const progress = new Map(taskJournal.progress());
  if (entry.seq === taskJournal.lastFeed()?.seq) return progress;
  for (const range of entry.ranges) progress.set(partitionKey(range), progressBehind(range));
  return progress;
}

/** A sink of which this journal cannot say how it got there. */
async function refuse(setup: TaskSetup, route: Route, seq: number, expected: number): Promise<never> {
  // It may be the work of whoever has taken the task over.
  await setup.stored?.verify();
  const { journal, taskJournal: { task } } = setup;
  throw new JournalError(
    `Cannot resume task ${task.name}: ${route.sink.description} has its outputs up to feed ${seq}, the journal ${journal.path} ` +
      `up to feed ${expected}; they do not belong together. Use the journal of that run, or another --name`,
    { code: "E_CHECKPOINT_MISMATCH" },
  );
}
