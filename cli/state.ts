/** `sluice state`: the state of a run's tasks at any moment, what changed between two, and every change of one key. */

import type { Recording } from "../controller/replay/recording.ts";
import { keyHistory, type Moment, stateAt, stateDifference } from "../controller/replay/state_in_time.ts";
import { timeText } from "../engine/time_text.ts";
import { placeText } from "./divergence_report.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { parseFeedRange, parseRecordPlace } from "./ranges.ts";
import { RecordedRun, type RecordedRunOptions } from "./recorded_run.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `sluice state` as commander gives them. */
export interface StateCommandOptions extends RecordedRunOptions {
  readonly at?: string;
  readonly key?: string;
  readonly prefix?: string;
  readonly diff?: string;
  readonly history?: string;
  readonly feeds?: string;
  readonly json: boolean;
}

/** Runs the command; answers the exit code. */
export async function stateCommand(name: string, options: StateCommandOptions): Promise<number> {
  const asked = [options.at, options.diff, options.history].filter((each) => each !== undefined);
  if (asked.length > 1) throw new UsageError("Cannot use --at, --diff and --history together: one of them is wanted");
  await using recorded = new RecordedRun(name, options);
  const recordings = recorded.recordings();
  const hasMany = recordings.length > 1;
  let shown = 0;
  for (const recording of recordings) {
    if (hasMany && isOfAnother(recording, options.at)) continue;
    const context = { recording, options, task: hasMany ? recording.taskJournal.task.name : undefined };
    if (options.history !== undefined) shown += await showHistory(context, options.history);
    else if (options.diff !== undefined) shown += await showDifference(context, options.diff);
    else shown += await showState(context);
  }
  if (shown === 0) printMessage(nothingText(options));
  return EXIT.ok;
}

interface Context {
  readonly recording: Recording;
  readonly options: StateCommandOptions;
  /** Shown where there are several. */
  readonly task: string | undefined;
}

/** Whether `at` is a record of another task. */
function isOfAnother({ taskJournal }: Recording, at: string | undefined): boolean {
  const { partitions } = taskJournal.task;
  return at?.includes("@") === true &&
    !partitions.some(({ stream, partition }) => at.startsWith(`${stream}/${partition}@`));
}

function parseMoment(text: string | undefined, { taskJournal }: Recording): Moment | undefined {
  if (text === undefined) {
    const last = taskJournal.lastFeed();
    return last && { feed: last.seq };
  }
  if (/^\d+$/.test(text)) return { feed: Number(text) };
  return { record: parseRecordPlace(text, taskJournal.task.partitions) };
}

async function showState({ recording, options, task }: Context): Promise<number> {
  const moment = parseMoment(options.at, recording);
  if (!moment) return 0;
  const { state, timers } = await stateAt(recording, moment);
  const { key, prefix = "", json } = options;
  const keys = key === undefined ? [...state.keys()].filter((each) => each.startsWith(prefix)).sort() : [key];
  let shown = 0;
  for (const each of keys) {
    const value = state.get(each);
    if (value === undefined) continue;
    shown++;
    if (json) printData(JSON.stringify({ task, key: each, value: JSON.parse(value) }));
    else printData([...label(task), each, value].join("\t"));
  }
  if (key !== undefined || prefix !== "") return shown;
  for (const [timer, at] of [...timers].sort()) {
    const atMs = Number(at);
    if (json) printData(JSON.stringify({ task, timer, atMs }));
    else printData([...label(task), `timer ${timer}`, timeText(atMs)].join("\t"));
  }
  return shown + timers.size;
}

async function showDifference({ recording, options, task }: Context, diff: string): Promise<number> {
  const [from, to] = /^(.+?)\.\.(.+)$/.exec(diff)?.slice(1) ?? [];
  if (to === undefined) throw new UsageError(`Cannot use --diff ${diff}: two moments are wanted, such as 3..7`);
  const [before, after] = [parseMoment(from, recording)!, parseMoment(to, recording)!];
  const changes = stateDifference((await stateAt(recording, before)).state, (await stateAt(recording, after)).state);
  let shown = 0;
  for (const { key, from, to } of changes) {
    if (!isWanted(key, options)) continue;
    shown++;
    if (options.json) printData(JSON.stringify({ task, key, from: parse(from), to: parse(to) }));
    else printData([...label(task), key, from ?? "(none)", to ?? "(none)"].join("\t"));
  }
  return shown;
}

async function showHistory({ recording, options, task }: Context, key: string): Promise<number> {
  const { from, to } = options.feeds === undefined ? { from: 0, to: Infinity } : parseFeedRange(options.feeds);
  let shown = 0;
  for await (const { value, ...place } of keyHistory(recording, key, from, to)) {
    shown++;
    const where = placeText(place, recording.run);
    if (options.json) {
      const { record, feed, timer } = place;
      const origin = record && { ...record, offset: String(record.offset) };
      printData(JSON.stringify({ task, feed, record: origin, timer, value: parse(value) }));
    } else printData([...label(task), `feed ${place.feed}`, where, value ?? "(deleted)"].join("\t"));
  }
  return shown;
}

function isWanted(key: string, { key: only, prefix = "" }: StateCommandOptions): boolean {
  return only === undefined ? key.startsWith(prefix) : key === only;
}

function label(task: string | undefined): string[] {
  return task === undefined ? [] : [`task ${task}`];
}

function parse(json: string | undefined): unknown {
  return json === undefined ? null : JSON.parse(json);
}

function nothingText({ key, prefix, diff, history }: StateCommandOptions): string {
  if (history !== undefined) return `Key ${history} never changed in these feeds`;
  if (diff !== undefined) return "The state is the same at both moments";
  if (key !== undefined) return `Key ${key} has no value then`;
  return prefix === undefined ? "The state is empty then" : `No key begins with ${prefix} then`;
}
