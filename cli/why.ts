/** `sluice why` and `sluice impact`: from an output back to what made it, from a record on to what it did. */

import type { FeedEntry } from "../controller/journal/journal.ts";
import type { OutputView } from "../controller/replay/fed_view.ts";
import { feedAt } from "../controller/replay/find_feed.ts";
import {
  findOutputs,
  type FoundOutput,
  type Story,
  storyOfOutput,
  storyOfRecord,
} from "../controller/replay/lineage.ts";
import type { Recording } from "../controller/replay/recording.ts";
import { selectedFeeds } from "../controller/replay/replay.ts";
import { timeText } from "../engine/time_text.ts";
import { counted } from "./counted.ts";
import { placeText } from "./divergence_report.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { parseRecordPlace } from "./ranges.ts";
import { type NamedRecord, namesRecord, recordAt } from "./record_at.ts";
import { RecordedRun, type RecordedRunOptions } from "./recorded_run.ts";
import { selectFeeds, type SelectionOptions, timeOf } from "./selection.ts";
import { UsageError } from "./usage_error.ts";

/** The options of both as commander gives them. */
export interface LineageCommandOptions extends RecordedRunOptions, SelectionOptions {
  readonly json: boolean;
}

/** Runs `sluice why`; answers the exit code. */
export async function whyCommand(
  name: string,
  output: string,
  options: LineageCommandOptions & { readonly last: boolean },
): Promise<number> {
  await using recorded = new RecordedRun(name, options);
  let found: { readonly recording: Recording; readonly output: FoundOutput } | undefined;
  let others = 0;
  for (const recording of recorded.recordings()) {
    for await (const each of outputsLike(recording, output, options)) {
      if (found) others++;
      if (!found || options.last) found = { recording, output: each };
    }
  }
  if (!found) {
    printMessage(`No output of run ${recorded.run.name} is ${output}`);
    return EXIT.failure;
  }
  const story = (await storyOfOutput(found.recording, found.output.entry, found.output.index))!;
  if (options.json) printStoryJson(story, { output: found.output.output, alike: others });
  else {
    printData(`${outputText(found.output.output)}\n${describe(story, found.recording)}`);
    if (others > 0) {
      const are = others === 1 ? "is" : "are";
      printMessage(
        `${counted(others, "more output")} ${are} like it; --feeds narrows the search, --last takes the last`,
      );
    }
  }
  return EXIT.ok;
}

/** `FEED#INDEX`, `@N`, a Redis id, a record of the output's stream, JSON whose members are in the value, or a text in the key or the value. */
async function* outputsLike(
  recording: Recording,
  wanted: string,
  options: SelectionOptions,
): AsyncGenerator<FoundOutput> {
  const entries = () => selectedFeeds(recording, selectFeeds(recording, options));
  const [, feed, index] = /^(\d+)#(\d+)$/.exec(wanted) ?? [];
  if (feed !== undefined) {
    const entry = feedAt(recording, Number(feed));
    return yield* findOutputs(recording, [entry], (_output, at) => at === Number(index));
  }
  const [, count] = /^@(\d+)$/.exec(wanted) ?? [];
  if (count !== undefined) return yield* nthOutput(recording, entries(), Number(count));
  const [, ms, sequence] = /^(\d{12,})-(\d+)$/.exec(wanted) ?? [];
  if (ms !== undefined) {
    const atThatTime = [...entries()].filter((entry) => timeOf(entry) === Number(ms));
    return yield* nthOutput(recording, atThatTime, Number(sequence));
  }
  const isLike = namesRecord(wanted) ? sameAs(await recordAt(wanted)) : matcher(wanted);
  for await (const found of findOutputs(recording, entries(), isLike)) yield found;
}

/** The journal knows how many outputs each feed had: only one feed is run. */
async function* nthOutput(
  recording: Recording,
  entries: Iterable<FeedEntry>,
  count: number,
): AsyncGenerator<FoundOutput> {
  let before = 0;
  for (const entry of entries) {
    if (count < before + entry.outputs) {
      return yield* findOutputs(recording, [entry], (_output, index) => index === count - before);
    }
    before += entry.outputs;
  }
}

function matcher(wanted: string): (output: OutputView) => boolean {
  const pattern = parseJson(wanted);
  if (typeof pattern !== "object" || pattern === null) {
    return ({ key, value }) => key === wanted || value?.includes(wanted) === true;
  }
  return ({ value }) => value !== null && contains(parseJson(value), pattern);
}

function sameAs(wanted: NamedRecord): (output: OutputView) => boolean {
  return ({ key, value }) => value === wanted.value && (key === wanted.key || wanted.key === null);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Whether all members of `pattern` are in `value`. */
function contains(value: unknown, pattern: unknown): boolean {
  if (typeof pattern !== "object" || pattern === null) return value === pattern;
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(pattern).every(([name, each]) => contains((value as Record<string, unknown>)[name], each));
}

/** Runs `sluice impact`; answers the exit code. */
export async function impactCommand(name: string, record: string, options: LineageCommandOptions): Promise<number> {
  await using recorded = new RecordedRun(name, options);
  const recordings = recorded.recordings();
  const partitions = recordings.flatMap(({ taskJournal }) => taskJournal.task.partitions);
  const origin = parseRecordPlace(record, partitions);
  const recording = recordings.find(({ taskJournal }) =>
    taskJournal.task.partitions.some((each) => each.stream === origin.stream && each.partition === origin.partition)
  )!;
  const story = await storyOfRecord(recording, origin);
  if (!story) throw new UsageError(`Cannot find ${record}: its feed does not hold a record at that offset`);
  if (options.json) printStoryJson(story);
  else printData(describe(story, recording));
  return EXIT.ok;
}

function printStoryJson(story: Story, more: object = {}): void {
  const json = { ...more, ...story };
  printData(JSON.stringify(json, (_name, each) => typeof each === "bigint" ? String(each) : each));
}

function outputText({ name, key, value }: OutputView): string {
  return `output ${name}  ${key === null ? "" : `${key}  `}${value ?? "(tombstone)"}`;
}

function describe(story: Story, { run }: Recording): string {
  const { task, feed, code, timeMs, key, value, reads, effects, did, outputs } = story;
  const written = (place: NonNullable<Story["reads"]>[number]["writtenBy"]) =>
    place ? `  (written by ${placeText(place, run)}, feed ${place.feed})` : "";
  return [
    `  record   ${placeText(story, run)}  (task ${task}, feed ${feed})`,
    ...(story.record ? [`  input    ${key === null ? "" : `${key}  `}${value ?? "(tombstone)"}`] : []),
    `  time     ${timeText(timeMs)}`,
    `  code     ${code.script} ${code.hash.slice(0, 12)}`,
    ...(reads ? [] : ["  read     (not known: recorded with an older Sluice)"]),
    ...(reads ?? []).map((read) => `  read     ${read.key} = ${read.value ?? "(nothing)"}${written(read.writtenBy)}`),
    ...effects.map(({ name, inputJson, ok, text }) =>
      `  effect   ${name}(${inputJson}) → ${ok ? text : `error: ${text}`}`
    ),
    ...did.map(({ kind, subject, detail }) => `  ${kind.padEnd(15)}${subject}${detail === "" ? "" : ` = ${detail}`}`),
    ...outputs.map((output) => `  emitted  ${outputText(output).slice("output ".length)}`),
  ].join("\n");
}
