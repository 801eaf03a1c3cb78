/** `sluice replay --inspect` and `--log`: recorded feeds under a debugger. */

import { debugFeeds, type DebugReport } from "../controller/debug/debug_run.ts";
import { type Logpoint, type LogpointHit, watchLogpoints } from "../controller/debug/logpoints.ts";
import type { Inspector } from "../controller/debug/inspector.ts";
import type { FeedEntry, JournaledCode } from "../controller/journal/journal.ts";
import { originAt } from "../controller/feed_record.ts";
import { placeInTask } from "../controller/replay/divergence.ts";
import { feedWith } from "../controller/replay/find_feed.ts";
import { firstNeeded } from "../controller/replay/first_needed.ts";
import { type Halted, haltOf } from "../controller/replay/halted.ts";
import { loadRecordedFeed } from "../controller/replay/recorded_feed.ts";
import { epochOf } from "../controller/replay/recorded_realm.ts";
import type { Recording } from "../controller/replay/recording.ts";
import { selectedFeeds } from "../controller/replay/replay.ts";
import { isSameOrigin, type Origin } from "../engine/record.ts";
import { counted } from "./counted.ts";
import { placeText } from "./divergence_report.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { parseRecordPlace } from "./ranges.ts";
import { hasSelected, selectFeeds, type SelectionOptions } from "./selection.ts";
import { UsageError } from "./usage_error.ts";

/** The options as commander gives them. */
export interface InspectOptions extends SelectionOptions {
  readonly inspect?: string | true;
  readonly break?: string;
  readonly log: readonly string[];
  readonly at: readonly string[];
  readonly json: boolean;
}

/** Debuggers say all that they want at once; over a slow connection it may take a while. */
const SETTLE_MS = 500;
const DEFAULT_ADDRESS = "127.0.0.1:9229";

/** What to run under the debugger. */
interface Session {
  readonly recording: Recording;
  readonly entries: readonly FeedEntry[];
  readonly halted?: Halted;
  readonly record?: Origin;
  readonly code?: JournaledCode;
}

/** Runs feeds of the first task that has some; answers the exit code. */
export async function inspectRecorded(
  recordings: readonly Recording[],
  code: JournaledCode | undefined,
  options: InspectOptions,
): Promise<number> {
  const session = { ...await sessionOf(recordings, options), ...(code ? { code } : {}) };
  return options.log.length > 0 ? await logExpressions(session, options) : await waitForDebugger(session, options);
}

async function sessionOf(recordings: readonly Recording[], options: InspectOptions): Promise<Session> {
  const stopAt = options.break;
  const recording = recordings.find((each) => isAbout(each, options));
  if (!recording) throw new UsageError("Cannot inspect: no feed of the run is like that; see sluice journal show");
  const { partitions } = recording.taskJournal.task;
  const halted = haltOf(recording);
  if (stopAt === undefined) {
    const isHalt = options.failed === true && halted !== undefined;
    const selected = isHalt ? [] : [...selectedFeeds(recording, selectFeeds(recording, options))];
    const record = options.log.length > 0
      ? undefined
      : isHalt
      ? halted.place.record
      : await firstOf(recording, selected);
    const entries = await entriesFor(recording, selected[0]?.seq ?? Infinity, (selected.at(-1)?.seq ?? -1) + 1);
    return { recording, entries, ...(isHalt ? { halted } : {}), ...(record ? { record } : {}) };
  }
  const record = parseRecordPlace(stopAt, partitions);
  if (halted && isSameOrigin(halted.place.record, record)) return { recording, entries: [], halted, record };
  const { seq } = feedWith(recording, record);
  return { recording, entries: await entriesFor(recording, seq, seq + 1), record };
}

function isAbout(recording: Recording, options: InspectOptions): boolean {
  const { partitions } = recording.taskJournal.task;
  if (options.break !== undefined) {
    return partitions.some(({ stream, partition }) => options.break!.startsWith(`${stream}/${partition}@`)) ||
      partitions.length === 0;
  }
  if (options.failed && haltOf(recording)) return true;
  return hasSelected(recording, options);
}

async function entriesFor(recording: Recording, from: number, to: number): Promise<readonly FeedEntry[]> {
  if (from >= to) return [];
  const first = await firstNeeded(recording, from, to);
  return [...recording.taskJournal.feeds(first, to)].filter(({ givenUp }) => givenUp === undefined);
}

/** Ranges begin where the one before ended: only the records themselves tell their offsets. */
async function firstOf(
  { taskJournal, sources }: Recording,
  entries: readonly FeedEntry[],
): Promise<Origin | undefined> {
  const entry = entries.find(({ records, givenUp }) => records > 0 && givenUp === undefined);
  return entry && originAt(await loadRecordedFeed(entry, taskJournal, sources), 0);
}

async function waitForDebugger({ recording, record, ...session }: Session, options: InspectOptions): Promise<number> {
  const address = options.inspect === true || options.inspect === undefined ? DEFAULT_ADDRESS : options.inspect;
  const report = await debugFeeds(recording, {
    ...session,
    stop: record ? { record } : {},
    address: address.includes(":") ? address : `127.0.0.1:${address}`,
    settleMs: SETTLE_MS,
    onListening: (url) => printMessage(invitation(url, recording, record)),
  });
  return finish(report, options);
}

function invitation(url: string, recording: Recording, record: Origin | undefined): string {
  const stop = record ? [`It stops before ${placeIn(recording, record)}; "step into" (F11) leads into process().`] : [];
  return [
    `Waiting for a debugger at ${url}`,
    "Open chrome://inspect in Chrome, or attach VS Code (docs/DEBUGGING.md has the launch.json).",
    ...stop,
  ].join("\n");
}

function placeIn(recording: Recording, record: Origin): string {
  return placeText(placeInTask(recording, { seq: 0 }, record), recording.run);
}

async function logExpressions({ recording, ...session }: Session, options: InspectOptions): Promise<number> {
  const logpoints = parseLogpoints(options);
  const code = session.code ?? recording.journal.code(
    (session.entries[0] ? epochOf(recording, session.entries[0]) : recording.taskJournal.epochs().at(-1)!).codeHash,
  );
  const print = (hit: LogpointHit): void => printData(options.json ? hitJson(hit) : hitText(hit, recording));
  let inspector: Inspector | undefined;
  try {
    const report = await debugFeeds(recording, {
      ...session,
      stop: {},
      address: "127.0.0.1:0",
      onListening: async (url) => void (inspector = await watchLogpoints(url, code, logpoints, print)),
    });
    return finish(report, options);
  } finally {
    inspector?.close();
  }
}

function hitJson({ logpoint, record, text }: LogpointHit): string {
  return JSON.stringify({ ...logpoint, record, value: text });
}

function hitText({ logpoint: { file, line, expression }, record, text }: LogpointHit, recording: Recording): string {
  const place = record ? placeIn(recording, { ...record, offset: BigInt(record.offset) }) : "before the first record";
  return `${place}  ${file}:${line}  ${expression} = ${text}`;
}

/** `--log` and `--at` come in pairs. */
function parseLogpoints({ log, at }: InspectOptions): readonly Logpoint[] {
  if (log.length !== at.length) {
    throw new UsageError(
      `Cannot log: ${log.length} --log and ${at.length} --at are given, one --at file.ts:line for each`,
    );
  }
  return log.map((expression, i) => {
    const [, file, line] = /^(.+):(\d+)$/.exec(at[i]) ?? [];
    if (file === undefined) throw new UsageError(`Cannot use --at ${at[i]}: file.ts:line is wanted`);
    return { expression, file, line: Number(line) };
  });
}

function finish({ feeds, isRecorded, hasStopped, failure }: DebugReport, { break: stopAt }: InspectOptions): number {
  if (failure !== undefined) {
    printMessage(failure === "" ? "The debugged process has ended before its feeds did" : failure);
    return EXIT.failure;
  }
  if (stopAt !== undefined && !hasStopped) printMessage(`No record was at ${stopAt}: nothing was stopped`);
  if (isRecorded === undefined) printMessage(`${counted(feeds, "feed")} run with other code`);
  else if (isRecorded) printMessage(`${counted(feeds, "feed")} run: their digests are those that were recorded`);
  else printMessage(`${counted(feeds, "feed")} run: their digests are NOT those that were recorded`);
  return isRecorded === false ? EXIT.divergence : EXIT.ok;
}
