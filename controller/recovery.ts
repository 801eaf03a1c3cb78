/**
 * Recovery: brings journal and sinks of a task to the same feed before anything new is read (DESIGN.md §6).
 *
 * Fence, read the sinks' checkpoint `c`, compare it with the last prepared feed `p` of the journal. `c = p`: settle.
 * `c = p - 1`: run feed p again with its recorded times and effects; it must give the recorded digest; commit it.
 * Anything else means that journal and sink do not belong together, and stops the task (I9).
 */

import type { Checkpoint, Receipt } from "../adapters/sink.ts";
import { toHex } from "../engine/digest.ts";
import { acquire, commitTo } from "./commit_to.ts";
import { answerFrom } from "./effects.ts";
import { type FeedEntry, JournalError } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";
import { type DigestedFed, Realm } from "./realm.ts";
import { loadRecordedFeed } from "./recorded_feed.ts";
import { chainAfter, realmOptions } from "./realm_options.ts";
import { positionsOf, type Route, routeOutputs } from "./routing.ts";
import { RecoveryDiverged } from "./task_errors.ts";
import type { TaskSetup } from "./task_setup.ts";

/** Takes over the sinks of a task and finishes what its last owner left unfinished. */
export async function recover(setup: TaskSetup, epoch: bigint): Promise<void> {
  const { taskJournal, routes } = setup;
  const last = taskJournal.lastFeed();
  const behind: Route[] = [];
  const receipts: Record<string, Receipt> = {};
  for (const route of routes) {
    const settled = settledIn(setup, last, route.name);
    const { checkpoint } = await acquire(route.sink, taskJournal.task.name, epoch, settled, setup);
    const seq = checkpoint?.seq ?? -1;
    const expected = last?.seq ?? -1;
    if (seq === expected) receipts[route.name] = checkpoint?.receipt ?? {};
    else if (seq === expected - 1) behind.push(route);
    else throw doNotBelongTogether(setup, route, seq, expected);
  }
  if (last === undefined) return;
  await verifySources(setup);
  if (behind.length > 0) Object.assign(receipts, await finish(setup, epoch, last, behind));
  if (last.receipts) return;
  taskJournal.settle(last.seq, receipts);
  taskJournal.flush();
}

/** What the journal knows about a sink: the newest feed whose receipt it has. */
function settledIn(setup: TaskSetup, last: FeedEntry | undefined, name: string): Checkpoint | undefined {
  if (last === undefined) return undefined;
  if (last.receipts) return { seq: last.seq, epoch: last.epoch, receipt: last.receipts[name] ?? {} };
  const [before] = setup.taskJournal.feeds(last.seq - 1, last.seq);
  return { seq: last.seq - 1, epoch: last.epoch, receipt: before?.receipts?.[name] ?? {} };
}

async function verifySources({ taskJournal, sources }: TaskSetup): Promise<void> {
  const progress = taskJournal.progress();
  for (const partition of taskJournal.task.partitions) {
    const at = progress.get(partitionKey(partition));
    if (at) await sources.get(partition.input)?.verify(partition, at.position, at.anchor);
  }
}

/** Runs the last feed again for the sinks that do not have it; answers their receipts. */
async function finish(
  setup: TaskSetup,
  epoch: bigint,
  last: FeedEntry,
  behind: readonly Route[],
): Promise<Record<string, Receipt>> {
  const { taskJournal, sources } = setup;
  const task = taskJournal.task.name;
  const { fed, outputNames } = await runAgain(setup, last);
  const positions = positionsOf(taskJournal.task.partitions, sources, taskJournal.progress());
  const parts = routeOutputs(fed.outputs, outputNames, setup.routes);
  const receipts: Record<string, Receipt> = {};
  for (const [i, { name, sink }] of setup.routes.entries()) {
    if (!behind.some((route) => route.name === name)) continue;
    const outputs = { outputs: parts[i], outputNames, positions, digest: last.chain };
    const commit = { task, seq: last.seq, epoch, ...outputs };
    receipts[name] = await commitTo(sink, commit, settledIn(setup, last, name), setup);
  }
  return receipts;
}

interface Again {
  readonly fed: DigestedFed;
  readonly outputNames: readonly string[];
}

/** The feed alone as a rule; with all feeds since the realm's birth when modules keep state in variables. */
async function runAgain(setup: TaskSetup, last: FeedEntry): Promise<Again> {
  const alone = await replayTo(setup, last, last.seq);
  if (isSame(alone.fed, last)) return alone;
  const birth = birthOf(setup, last);
  const again = birth === last.seq ? alone : await replayTo(setup, last, birth);
  if (isSame(again.fed, last)) return again;
  const digests = `digest ${toHex(last.chain).slice(0, 8)} became ${toHex(again.fed.chain).slice(0, 8)}`;
  throw new RecoveryDiverged(setup.run.name, setup.taskJournal.task.name, last.seq, digests);
}

function isSame(fed: DigestedFed, entry: FeedEntry): boolean {
  return toHex(fed.chain) === toHex(entry.chain) && fed.outputs.count === entry.outputs;
}

function birthOf({ taskJournal }: TaskSetup, last: FeedEntry): number {
  const first = taskJournal.firstReplayable();
  for (let seq = last.seq; seq > first; seq--) {
    const [entry] = taskJournal.feeds(seq, seq + 1);
    if (entry?.isReborn) return seq;
  }
  return first;
}

async function replayTo(setup: TaskSetup, last: FeedEntry, from: number): Promise<Again> {
  const { taskJournal, journal, sources, limits } = setup;
  const epoch = taskJournal.epochs().find((candidate) => candidate.epoch === last.epoch)!;
  const [before] = taskJournal.feeds(from - 1, from);
  const realm = await Realm.open(
    setup.sandbox(),
    {
      task: `${taskJournal.task.name} (recovery)`,
      code: journal.code(epoch.codeHash).bundle,
      options: realmOptions(setup.run, before, epoch.config, limits),
      chain: chainAfter(before),
      state: taskJournal.stateBefore(from),
    },
    limits,
    { answer: answerFrom((seq) => taskJournal.effects(seq)), record: () => {} },
  );
  try {
    let fed: DigestedFed | undefined;
    for (const entry of taskJournal.feeds(from, last.seq + 1)) {
      fed = await realm.process(await loadRecordedFeed(entry, taskJournal, sources));
    }
    return { fed: fed!, outputNames: realm.info.outputs };
  } finally {
    await realm.close();
  }
}

function doNotBelongTogether({ journal, taskJournal }: TaskSetup, route: Route, seq: number, expected: number): Error {
  const task = taskJournal.task.name;
  return new JournalError(
    `Cannot resume task ${task}: ${route.sink.description} has its outputs up to feed ${seq}, the journal ${journal.path} ` +
      `up to feed ${expected}; they do not belong together. Use the journal of that run, or another --name`,
    { code: "E_CHECKPOINT_MISMATCH" },
  );
}
