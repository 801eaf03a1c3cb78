/**
 * Where from, and what became of it: from an output back to the record, state and code that made it, and from a record on
 * to the outputs and keys that it touched. Both run the record's feed once more.
 */

import type { Origin } from "../../engine/record.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { recordAt, recordIndex } from "../feed_record.ts";
import type { FeedEntry, JournaledEffect } from "../journal/journal.ts";
import { stateMap } from "../state_map.ts";
import { type Place, placeOf } from "./divergence.ts";
import { FedView, type OutputView, type UnitView } from "./fed_view.ts";
import { feedWith } from "./find_feed.ts";
import { epochOf, type RanFeed, RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import { runRecorded } from "./rerun.ts";
import { applyTrace, lastChange } from "./state_in_time.ts";
import { unitTimes } from "./unit_times.ts";
import { walk } from "./walk.ts";

/** One record, and all that it did. */
export interface Story extends Place {
  readonly key: string | null;
  /** As text; null for a tombstone, and for timers and hooks. */
  readonly value: string | null;
  /** Logical time, in ms. */
  readonly timeMs: number;
  readonly outputs: readonly OutputView[];
  /** Keys of the state that it looked at; undefined where its code is older than that can be known. */
  readonly reads: readonly KeyRead[] | undefined;
  /** What it changed in state and timers, and how it failed. */
  readonly did: UnitView["trace"];
  readonly effects: readonly JournaledEffect[];
  readonly code: { readonly hash: string; readonly script: string };
}

/** A key that was looked at, with the value it had, and the record that had written it. */
export interface KeyRead {
  readonly key: string;
  /** JSON text; undefined when there was none. */
  readonly value: string | undefined;
  readonly writtenBy: Place | undefined;
}

/** What the record at `origin` did. @throws {JournalError} when no feed covers it */
export async function storyOfRecord(recording: Recording, origin: Origin): Promise<Story | undefined> {
  return await withFeed(recording, feedWith(recording, origin), (ran, view) => {
    const record = recordIndex(ran.feed, origin);
    return record < 0 ? undefined : storyOf(recording, ran, view, view.unitOf(record));
  });
}

/** What made the output `output` (counted from 0) of the feed of `entry`. */
export async function storyOfOutput(
  recording: Recording,
  entry: FeedEntry,
  output: number,
): Promise<Story | undefined> {
  return await withFeed(recording, entry, (ran, view) => {
    const unit = view.unitOfOutput(output);
    return unit < 0 ? undefined : storyOf(recording, ran, view, unit);
  });
}

/** An output that was found. */
export interface FoundOutput {
  readonly entry: FeedEntry;
  /** Counted from 0 within the feed. */
  readonly index: number;
  readonly output: OutputView;
}

/** The outputs of `entries` that `isWanted`. */
export async function* findOutputs(
  recording: Recording,
  entries: Iterable<FeedEntry>,
  isWanted: (output: OutputView, index: number, entry: FeedEntry) => boolean,
): AsyncGenerator<FoundOutput> {
  const realm = new RecordedRealm(recording, { role: "find" });
  try {
    for await (const walked of walk(realm, entries)) {
      if (walked.kind !== "ran") throw walked.error;
      const { entry, fed, info } = walked;
      for (const [index, output] of new FedView(fed, info.outputs).outputs.entries()) {
        if (isWanted(output, index, entry)) yield { entry, index, output };
      }
    }
  } finally {
    await realm.close();
  }
}

async function withFeed<T>(
  recording: Recording,
  entry: FeedEntry,
  look: (ran: RanFeed, view: FedView) => Promise<T> | T,
): Promise<T | undefined> {
  const realm = new RecordedRealm(recording, { role: "look", notesReads: true });
  try {
    const ran = await runRecorded(recording, realm, entry);
    return ran && await look(ran, new FedView(ran.fed, ran.info.outputs));
  } finally {
    await realm.close();
  }
}

async function storyOf(recording: Recording, ran: RanFeed, view: FedView, unit: number): Promise<Story> {
  const { journal, taskJournal } = recording;
  const { entry, feed } = ran;
  const record = view.record(unit);
  const did = view.unit(unit);
  const found = recordAt(feed, record);
  const payload = found && payloadAt(found.batch, found.row);
  const { hash, script } = journal.code(epochOf(recording, entry).codeHash);
  return {
    ...placeOf(recording, ran, record, did),
    key: payload?.key ?? null,
    value: payload?.value ? new TextDecoder().decode(payload.value) : null,
    timeMs: unitTimes(recording, ran, view)[unit],
    outputs: did.outputs,
    reads: await readsOf(recording, ran, view, unit),
    did: did.trace.filter(({ kind }) => kind !== "effect"),
    effects: taskJournal.effects(entry.seq).filter((effect) => effect.record === record),
    code: { hash, script },
  };
}

async function readsOf(
  recording: Recording,
  ran: RanFeed,
  view: FedView,
  unit: number,
): Promise<readonly KeyRead[] | undefined> {
  if (!ran.fed.reads) return undefined;
  const keys = ran.fed.reads.find((each) => each.unit === unit)?.keys ?? [];
  if (keys.length === 0) return [];
  const before = stateMap(recording.taskJournal.stateBefore(ran.entry.seq));
  const writers = new Map<string, Place>();
  for (let earlier = 0; earlier < unit; earlier++) {
    const { trace, outputs } = view.unit(earlier);
    applyTrace(before, trace);
    for (const { kind, subject } of trace) {
      if (kind.startsWith("state ") && keys.includes(subject)) {
        writers.set(subject, placeOf(recording, ran, view.record(earlier), { trace, outputs }));
      }
    }
  }
  const reads: KeyRead[] = [];
  for (const key of keys) {
    const writtenBy = writers.get(key) ?? await writerBefore(recording, key, ran.entry.seq);
    reads.push({ key, value: before.state.get(key), writtenBy });
  }
  return reads;
}

async function writerBefore(recording: Recording, key: string, seq: number): Promise<Place | undefined> {
  const change = await lastChange(recording, key, seq);
  if (!change) return undefined;
  const { value: _, ...place } = change;
  return place;
}
