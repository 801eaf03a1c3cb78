/**
 * A task between its journal on this machine and the store that all of its processes share.
 *
 * A feed's outputs are sent when both have it. Whoever takes the task over begins with what the store says: feeds that only
 * the journal here has were seen by nobody and are dropped; those that only the store has are taken over, and the last, whose
 * outputs may be out, is run again by recovery.
 */

import { type TaskHold, type TaskStore, TaskStoreError } from "../../adapters/task_store.ts";
import { toHex } from "../../engine/digest.ts";
import type {
  FeedEntry,
  Journal,
  JournaledCode,
  JournaledFeed,
  PreparedFeed,
  Progress,
  TaskJournal,
} from "../journal/journal.ts";
import type { StoredTaskLog } from "../task_setup.ts";
import {
  baseOf,
  type FeedOwner,
  packBase,
  packFeed,
  type StoredBase,
  type StoredFeed,
  unpackBase,
  unpackFeed,
} from "./packed_task.ts";

/** What a task is taken over with. */
export interface TakeoverContext {
  readonly store: TaskStore;
  readonly journal: Journal;
  readonly taskJournal: TaskJournal;
  /** As the feeds to come are journaled. */
  readonly owner: FeedOwner;
  /** How many feeds at the end may be missing from the sinks. */
  readonly unsettledMax: number;
}

/** A base is stored anew once the feeds since the last one outweigh it, or are so many. */
const FEEDS_MAX = 256;
const BYTES_MIN = 1_000_000;

/** See the module. */
export class StoredTask implements StoredTaskLog {
  readonly #hold: TaskHold;
  readonly #context: TakeoverContext;
  /** Appends come one after the other. */
  #appended: Promise<void> = Promise.resolve();
  #feedsSince = 0;
  #bytesSince = 0;
  #baseBytes: number;

  private constructor(hold: TaskHold, context: TakeoverContext, baseBytes: number) {
    this.#hold = hold;
    this.#context = context;
    this.#baseBytes = baseBytes;
  }

  /** Takes a task over: the journal then has what the store has. */
  static async takeOver(context: TakeoverContext): Promise<StoredTask> {
    const { store, taskJournal } = context;
    const hold = await store.acquire(taskJournal.task.name);
    const stored = await hold.load();
    if (stored) {
      await adopt(context, unpackBase(stored.base), stored.feeds.map(unpackFeed));
      return new StoredTask(hold, context, stored.base.length);
    }
    const last = taskJournal.lastFeed();
    if (last && !last.receipts) throw notSettled(taskJournal.task.name, last.seq);
    const seq = last?.seq ?? -1;
    const base = packBase(baseOf(taskJournal, seq, taskJournal.progress()));
    await hold.rebase(seq, base);
    return new StoredTask(hold, context, base.length);
  }

  append(feed: PreparedFeed, progress: ReadonlyMap<string, Progress>): Promise<void> {
    const { taskJournal, owner } = this.#context;
    const bytes = packFeed(feed, progress, taskJournal.effects(feed.seq), owner);
    this.#appended = this.#appended.then(() => this.#append(feed.seq, bytes, progress));
    return this.#appended;
  }

  verify(): Promise<void> {
    return this.#hold.verify();
  }

  async #append(seq: number, bytes: Uint8Array, progress: ReadonlyMap<string, Progress>): Promise<void> {
    await this.#hold.append(seq, bytes);
    this.#feedsSince++;
    this.#bytesSince += bytes.length;
    const isDue = this.#feedsSince >= FEEDS_MAX || this.#bytesSince > Math.max(BYTES_MIN, this.#baseBytes);
    if (!isDue) return;
    const base = packBase(baseOf(this.#context.taskJournal, seq, progress));
    await this.#hold.rebase(seq, base);
    [this.#feedsSince, this.#bytesSince, this.#baseBytes] = [0, 0, base.length];
  }
}

/** The store would have its effect, and nobody would send its outputs. */
function notSettled(task: string, seq: number): TaskStoreError {
  return new TaskStoreError(
    `Cannot share task ${task}: the outputs of its last feed, ${seq}, may be missing from its sinks; run it once more ` +
      "without --store",
    { code: "E_NOT_SETTLED", task },
  );
}

/** Makes the journal of a task say what is stored; answers whether it had to be changed. */
export async function adopt(
  context: Pick<TakeoverContext, "store" | "journal" | "taskJournal" | "unsettledMax">,
  base: StoredBase,
  feeds: readonly StoredFeed[],
): Promise<boolean> {
  const { taskJournal, journal, unsettledMax } = context;
  const last = feeds.at(-1)?.feed ?? base.before;
  if (isSame(taskJournal.lastFeed(), last)) return false;
  const owners = [base.owner, ...feeds.map(({ owner }) => owner)].filter((owner) => owner !== undefined);
  for (const { codeHash } of owners) await fetchCode(context, codeHash);
  journal.atomically(() => {
    const epochOf = epochsIn(taskJournal);
    const own = (each: FeedEntry, owner: FeedOwner | undefined) => owner ? { ...each, epoch: epochOf(owner) } : each;
    const before = base.before && own(base.before, base.owner);
    const adopted = feeds.map(({ owner, ...each }): JournaledFeed => ({
      ...each,
      feed: { ...each.feed, epoch: epochOf(owner) },
    }));
    taskJournal.adopt({ before, state: base.state, progress: base.progress, feeds: adopted, unsettledMax });
  });
  return true;
}

function isSame(local: FeedEntry | undefined, stored: FeedEntry | undefined): boolean {
  if (!local || !stored) return local === stored;
  return local.seq === stored.seq && toHex(local.chain) === toHex(stored.chain);
}

/** Numbers for owners of other journals: an epoch for each, as long as they follow one another. */
function epochsIn(taskJournal: TaskJournal): (owner: FeedOwner) => bigint {
  let last: { readonly json: string; readonly epoch: bigint } | undefined;
  return (owner) => {
    const json = JSON.stringify(owner);
    if (last?.json !== json) last = { json, epoch: taskJournal.openEpoch(owner) };
    return last.epoch;
  };
}

async function fetchCode(
  { store, journal }: Pick<TakeoverContext, "store" | "journal">,
  hash: string,
): Promise<void> {
  if (journal.hasCode(hash)) return;
  const text = await store.code(hash);
  if (text !== undefined) journal.putCode(JSON.parse(text) as JournaledCode);
}
