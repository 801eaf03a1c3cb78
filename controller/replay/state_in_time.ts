/** The state of a task at any moment: after a feed from the journal alone, after a record by running its feed once more. */

import type { Feed } from "../../engine/feed.ts";
import type { Origin } from "../../engine/record.ts";
import type { TraceEntry } from "../../engine/trace.ts";
import { entriesOf, type StateMap, stateMap } from "../state_map.ts";
import { type Place, placeOf } from "./divergence.ts";
import { FedView } from "./fed_view.ts";
import { feedAt, feedWith } from "./find_feed.ts";
import { RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import { runRecorded } from "./rerun.ts";
import { recordIndex } from "../feed_record.ts";
import { JournalError } from "../journal/journal.ts";

/** A moment: after a feed, or after a record. */
export type Moment = { readonly feed: number } | { readonly record: Origin };

/** State and timers right after `moment`. @throws {JournalError} when the journal does not reach it */
export async function stateAt(recording: Recording, moment: Moment): Promise<StateMap> {
  const { taskJournal } = recording;
  if ("feed" in moment) {
    feedAt(recording, moment.feed);
    return stateMap(taskJournal.stateBefore(moment.feed + 1));
  }
  const entry = feedWith(recording, moment.record);
  const state = stateMap(taskJournal.stateBefore(entry.seq));
  const realm = new RecordedRealm(recording, { role: "state" });
  try {
    const ran = await runRecorded(recording, realm, entry);
    if (!ran) return state;
    const view = new FedView(ran.fed, ran.info.outputs);
    const last = view.unitOf(indexOfRecord(recording, ran.feed, moment.record));
    for (let unit = 0; unit <= last; unit++) applyTrace(state, view.unit(unit).trace);
    return state;
  } finally {
    await realm.close();
  }
}

/** @throws {JournalError} when no record of `feed` begins there: any state would be that of another moment */
function indexOfRecord({ taskJournal }: Recording, feed: Feed, record: Origin): number {
  const index = recordIndex(feed, record);
  if (index >= 0) return index;
  const { stream, partition, offset } = record;
  throw new JournalError(
    `Cannot find ${stream}/${partition}@${offset} in feed ${feed.seq} of task ${taskJournal.task.name}: no record begins there`,
    { code: "E_RECORD_UNKNOWN" },
  );
}

/** Applies what a unit did to `state`. */
export function applyTrace({ state, timers }: StateMap, trace: readonly TraceEntry[]): void {
  for (const { kind, subject, detail } of trace) {
    if (kind === "state set") state.set(subject, detail);
    else if (kind === "state deleted") state.delete(subject);
    else if (kind === "timer set") timers.set(subject, detail);
    else if (kind === "timer cleared" || kind === "timer fired") timers.delete(subject);
  }
}

/** A change of one key, and the record (or timer, or hook) that made it. */
export interface KeyChange extends Place {
  /** JSON text; undefined when it was deleted. */
  readonly value: string | undefined;
}

/** Changes of `key` in the feeds `[from, to)`, the oldest first. */
export async function* keyHistory(
  recording: Recording,
  key: string,
  from: number,
  to: number,
): AsyncGenerator<KeyChange> {
  const realm = new RecordedRealm(recording, { role: "history" });
  try {
    for (const seq of feedsThatChanged(recording, key, from, to).reverse()) {
      yield* changesIn(recording, realm, key, seq);
    }
  } finally {
    await realm.close();
  }
}

/** The last change of `key` before feed `seq`; undefined when it is not known. */
export async function lastChange(recording: Recording, key: string, seq: number): Promise<KeyChange | undefined> {
  const first = recording.taskJournal.firstReplayable();
  for (const candidate of recording.taskJournal.feedsNaming(key, first, seq)) {
    if (!hasChanged(recording, key, candidate)) continue;
    const changes = await Array.fromAsync(keyHistory(recording, key, candidate, candidate + 1));
    return changes.at(-1);
  }
  return undefined;
}

/** The newest first. */
function feedsThatChanged(recording: Recording, key: string, from: number, to: number): number[] {
  const first = Math.max(from, recording.taskJournal.firstReplayable());
  const end = Math.min(to, (recording.taskJournal.lastFeed()?.seq ?? -1) + 1);
  return [...recording.taskJournal.feedsNaming(key, first, end)].filter((seq) => hasChanged(recording, key, seq));
}

function hasChanged({ taskJournal }: Recording, key: string, seq: number): boolean {
  for (const [name] of entriesOf(taskJournal.changes(seq).state)) if (name === key) return true;
  return false;
}

async function* changesIn(
  recording: Recording,
  realm: RecordedRealm,
  key: string,
  seq: number,
): AsyncGenerator<KeyChange> {
  const ran = await runRecorded(recording, realm, feedAt(recording, seq));
  if (!ran) return;
  const view = new FedView(ran.fed, ran.info.outputs);
  for (let unit = 0; unit < view.length; unit++) {
    const did = view.unit(unit);
    for (const { kind, subject, detail } of did.trace) {
      if (subject !== key || !kind.startsWith("state ")) continue;
      const place = placeOf(recording, ran, view.record(unit), did);
      yield { ...place, value: kind === "state set" ? detail : undefined };
    }
  }
}

/** What `to` has that `from` has not, or has otherwise; JSON texts. */
export interface StateChange {
  readonly key: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** The difference between two states, in key order. */
export function* stateDifference(
  from: ReadonlyMap<string, string>,
  to: ReadonlyMap<string, string>,
): Generator<StateChange> {
  for (const key of [...new Set([...from.keys(), ...to.keys()])].sort()) {
    if (from.get(key) !== to.get(key)) yield { key, from: from.get(key), to: to.get(key) };
  }
}
