/** What is in a case, record by record: for those who write tests from it. */

import { offsetAt } from "../../engine/batch.ts";
import { type Feed, feedRecords } from "../../engine/feed.ts";
import { RecordHeaders } from "../../engine/headers.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { recordAt } from "../feed_record.ts";
import type { JournaledEffect } from "../journal/journal.ts";
import { haltOf, recordedEffects } from "../replay/halted.ts";
import { loadRecordedFeed } from "../replay/recorded_feed.ts";
import { epochOf, type RanFeed, RecordedRealm } from "../replay/recorded_realm.ts";
import type { Recording } from "../replay/recording.ts";
import { runRecorded } from "../replay/rerun.ts";
import { isGenerated } from "../sandbox/own_files.ts";
import { stateMap } from "../state_map.ts";

/** A record of a case. */
export interface CaseRecord {
  readonly input: string;
  readonly stream: string;
  readonly partition: string;
  readonly offset: bigint;
  readonly key: string | null;
  readonly value: Uint8Array | null;
  readonly eventTimeMs: number | undefined;
  /** Values as text. */
  readonly headers: readonly (readonly [name: string, value: string | null])[];
}

/** What a feed of a case holds besides its records. */
export interface CaseFeed {
  readonly seq: number;
  readonly timeMs: number;
  readonly records: readonly CaseRecord[];
  readonly tickMs: number | undefined;
  readonly isEnd: boolean;
  /** The failure of its record, when that halted the task. */
  readonly failure: string | undefined;
}

/** See the module. */
export interface CaseContents {
  readonly run: Recording["run"];
  readonly feeds: readonly CaseFeed[];
  readonly records: readonly CaseRecord[];
  readonly effects: readonly JournaledEffect[];
  /** What the records look at of the state before the first feed: key → JSON text. */
  readonly state: ReadonlyMap<string, string>;
  readonly timers: ReadonlyMap<string, string>;
  /** How the values of each input are encoded. */
  readonly codecs: Readonly<Record<string, string>>;
  readonly onError: string;
  /** The name of the script, and where it was on the machine that recorded it. */
  readonly script: string;
  readonly scriptPath: string | undefined;
}

/** Reads all of it. */
export async function readCase(recording: Recording): Promise<CaseContents> {
  const { taskJournal, journal, run, sources } = recording;
  const first = taskJournal.firstReplayable();
  const entries = [...taskJournal.feeds(first, Infinity)];
  const halted = haltOf(recording);
  const feeds: CaseFeed[] = [];
  for (const entry of entries) {
    const feed = await loadRecordedFeed(entry, taskJournal, sources);
    feeds.push(caseFeed(feed, entry.ranges[0]?.timeMs ?? entry.tickMs ?? entry.nowMs));
  }
  if (halted) {
    const { name, message } = halted.failure;
    const { timeMs } = halted.feed.segments[0];
    feeds.push({ ...caseFeed(halted.feed, timeMs), failure: `${name}: ${message}` });
  }
  const epoch = entries.length > 0 ? epochOf(recording, entries[0]) : taskJournal.epochs().at(-1)!;
  const { script, sourceMap } = journal.code(epoch.codeHash);
  const before = stateMap(taskJournal.stateBefore(first));
  return {
    run,
    feeds,
    records: feeds.flatMap(({ records }) => records),
    effects: feeds.flatMap(({ seq }) => recordedEffects(recording, seq)),
    ...await lookedAt(recording, before.state),
    timers: before.timers,
    onError: epoch.config.onError,
    script,
    scriptPath: scriptPathIn(sourceMap, script),
  };
}

function caseFeed(feed: Feed, timeMs: number): CaseFeed {
  const records = Array.from({ length: feedRecords(feed) }, (_, index): CaseRecord => {
    const { batch, row, input } = recordAt(feed, index)!;
    const eventTimeMs = batch.eventTimesMs?.[row];
    return {
      input,
      stream: batch.stream,
      partition: batch.partition,
      offset: offsetAt(batch, row),
      ...payloadAt(batch, row),
      eventTimeMs: eventTimeMs === undefined || Number.isNaN(eventTimeMs) ? undefined : eventTimeMs,
      headers: [...new RecordHeaders(batch.headers, row)].map(([name, value]) =>
        [name, value && new TextDecoder().decode(value)] as const
      ),
    };
  });
  const { seq, tickMs, end = false } = feed;
  return { seq, timeMs, records, tickMs, isEnd: end, failure: undefined };
}

/** The entries of `all` that any record looks at, or changes, all of them where the code does not say; and its codecs. */
async function lookedAt(
  recording: Recording,
  all: ReadonlyMap<string, string>,
): Promise<Pick<CaseContents, "state" | "codecs">> {
  const keys = new Set<string>();
  let codecs: CaseContents["codecs"] = {};
  let saysAll = true;
  const realm = new RecordedRealm(recording, { role: "read", notesReads: true });
  const note = ({ fed, info }: RanFeed): void => {
    codecs = info.inputCodecs ?? {};
    saysAll &&= fed.reads !== undefined;
    for (const read of fed.reads ?? []) for (const key of read.keys) keys.add(key);
  };
  try {
    for (const entry of recording.taskJournal.feeds(recording.taskJournal.firstReplayable(), Infinity)) {
      const ran = await runRecorded(recording, realm, entry);
      if (ran) note(ran);
    }
    const halted = haltOf(recording);
    if (halted) note(await realm.runBehindLast(halted.feed));
  } finally {
    await realm.close();
  }
  return { codecs, state: saysAll ? new Map([...all].filter(([key]) => keys.has(key))) : all };
}

function scriptPathIn(sourceMap: string, script: string): string | undefined {
  const { sources } = JSON.parse(sourceMap) as { readonly sources: readonly string[] };
  return sources.find((source) => source.endsWith(`/${script}`) && !isGenerated(source));
}
