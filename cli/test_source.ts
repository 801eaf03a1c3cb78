/** The source of a test made from a case. It is meant to be read, and changed, by people. */

import { isDeepStrictEqual } from "node:util";
import type { CaseContents, CaseFeed, CaseRecord } from "../controller/cases/read_case.ts";
import type { JournaledEffect } from "../controller/journal/journal.ts";
import { TIME_MS_MAX } from "../engine/batch.ts";
import { counted } from "./counted.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";

/** How the test refers to what it was made from. */
export interface TestSourceContext {
  /** The processor, as the test imports it. */
  readonly path: string;
  readonly caseName: string;
}

/** The test, not yet formatted. */
export function testSource(contents: CaseContents, { path, caseName }: TestSourceContext): string {
  const { run, feeds, effects, records, codecs } = contents;
  const streams = new Set(records.map(({ stream }) => stream));
  const stream = streams.size === 1 ? [...streams][0] : undefined;
  const imports = effects.length === 0 ? "" : effects.some(({ ok }) => !ok) ? "answers, RecordedError, " : "answers, ";
  return `/**
 * Made by \`sluice test-from ${comment(caseName)}\`: ${describe(contents)}
 *
 * The snapshot of outputs and state is made with \`deno test -A --update-snapshots\` once the processor does what it
 * should; from then on it fails when that changes.
 */

import { ${imports}testProcessor } from "@sluice/sluice/testing";
${isPipelineFile(path) ? "" : `import type processor from ${JSON.stringify(path)};\n`}
Deno.test(${JSON.stringify(`${run.processor}: ${caseName.replace(/\.sluice$/, "")}`)}, async (t) => {
  const test = await testProcessor${isPipelineFile(path) ? "" : "<typeof processor>"}(import.meta.resolve(${
    JSON.stringify(path)
  }), {
    ${[...pipelineOf(path, contents), ...optionsOf(contents, stream)].join("\n    ")}
  });
${feeds.map((feed, i) => stepsOf(feed, feeds[i - 1], { stream, codecs })).join("\n")}
  await t.assertSnapshot(test.snapshot());
});
`;
}

function describe({ run, records, feeds }: CaseContents): string {
  const failure = feeds.find((feed) => feed.failure !== undefined)?.failure;
  const first = feeds[0]?.seq ?? 0;
  const what = `${counted(records.length, "record")} of run ${run.name}, feeds ${first} to ${
    feeds.at(-1)?.seq ?? first
  }`;
  return comment(failure === undefined ? `${what}.` : `${what};\n * the last of them failed with "${failure}".`);
}

/** What comes from a case must not end the comment it is put in. */
function comment(text: string): string {
  return text.replaceAll("*/", "*\\/");
}

function pipelineOf(path: string, { run }: CaseContents): readonly string[] {
  return isPipelineFile(path) ? [`pipeline: ${JSON.stringify(run.processor)},`] : [];
}

function optionsOf(
  { run, feeds, effects, state, timers, onError }: CaseContents,
  stream: string | undefined,
): string[] {
  return [
    ...(run.seed === 0 ? [] : [`seed: ${run.seed},`]),
    ...(run.clock === "feed" ? [] : [`clock: ${JSON.stringify(run.clock)},`]),
    ...(onError === "halt" ? [] : [`onError: ${JSON.stringify(onError)},`]),
    ...(stream === undefined ? [] : [`stream: ${JSON.stringify(stream)},`]),
    `nowMs: ${timeLiteral(feeds[0]?.timeMs ?? run.createdMs)},`,
    ...(state.size === 0 ? [] : [`state: ${objectOf(state)},`]),
    ...(timers.size === 0 ? [] : [`timers: ${objectOf(timers)},`]),
    ...(effects.length === 0 ? [] : [`effects: ${effectsOf(effects)},`]),
  ];
}

function objectOf(map: ReadonlyMap<string, string>): string {
  const members = [...map].sort(([a], [b]) => a < b ? -1 : 1).map(([key, json]) => `${propertyName(key)}: ${json}`);
  return `{ ${members.join(", ")} }`;
}

/** `__proto__` as a plain name would set the prototype. */
function propertyName(key: string): string {
  return key === "__proto__" ? `["__proto__"]` : JSON.stringify(key);
}

function effectsOf(effects: readonly JournaledEffect[]): string {
  const byName = Map.groupBy(effects, ({ name }) => name);
  const members = [...byName].map(([name, asked]) => {
    const pairs = asked.map(({ inputJson, ok, text }) => {
      const answer = ok ? text === "" ? "undefined" : text : `new RecordedError(${JSON.stringify(text)})`;
      return `[${inputJson === "" ? "undefined" : inputJson}, ${answer}]`;
    });
    return `${propertyName(name)}: answers([${pairs.join(", ")}])`;
  });
  return `{ ${members.join(", ")} }`;
}

/** What all records of a case have in common. */
interface RecordContext {
  readonly stream: string | undefined;
  readonly codecs: CaseContents["codecs"];
}

function stepsOf(
  feed: CaseFeed,
  before: CaseFeed | undefined,
  context: RecordContext,
): string {
  const passedMs = before ? feed.timeMs - before.timeMs : 0;
  const steps = [
    ...(passedMs > 0 ? [`await test.advance(${passedMs});`] : []),
    ...(feed.records.length > 0 ? [sendOf(feed, context)] : []),
    ...(feed.isEnd ? ["await test.end();"] : []),
  ];
  return steps.map((step) => `  ${step}`).join("\n");
}

function sendOf({ records, failure }: CaseFeed, context: RecordContext): string {
  const note = failure === undefined ? "" : `// This one failed: ${failure.replaceAll(/\s+/g, " ")}\n  `;
  return `${note}await test.send(\n    ${records.map((record) => recordText(record, context)).join(",\n    ")},\n  );`;
}

function recordText(record: CaseRecord, { stream: theStream, codecs }: RecordContext): string {
  const { input, stream, partition, offset, key, value, eventTimeMs, headers } = record;
  const members = [
    `value: ${valueText(value, codecs[input])}`,
    ...(key === null ? [] : [`key: ${JSON.stringify(key)}`]),
    ...(input === "default" ? [] : [`input: ${JSON.stringify(input)}`]),
    ...(stream === theStream ? [] : [`stream: ${JSON.stringify(stream)}`]),
    ...(partition === "0" ? [] : [`partition: ${JSON.stringify(partition)}`]),
    `offset: ${offset}n`,
    ...(eventTimeMs === undefined ? [] : [`eventTimeMs: ${timeLiteral(eventTimeMs)}`]),
    ...(headers.length === 0 ? [] : [`headers: { ${headers.map(headerText).join(", ")} }`]),
  ];
  return `{ ${members.join(", ")} }`;
}

function headerText([name, value]: readonly [string, string | null]): string {
  return `${propertyName(name)}: ${JSON.stringify(value)}`;
}

/** The value as whoever reads the test would write it, where that gives the same bytes to decode; else those bytes. */
function valueText(value: Uint8Array | null, codec = "json"): string {
  if (value === null) return "null";
  const text = textOf(value);
  if (text === undefined) return `Uint8Array.fromBase64(${JSON.stringify(value.toBase64())})`;
  const written = codec === "json" ? expressionOf(text) : codec === "text" ? JSON.stringify(text) : undefined;
  return written ?? `new TextEncoder().encode(${JSON.stringify(text)})`;
}

function textOf(value: Uint8Array): string | undefined {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
  } catch {
    return undefined;
  }
}

/**
 * JSON as an expression: parsed and written once more, for what is in a case must not become code. Undefined for what is
 * not JSON, and for what would be something else as an expression: null (a tombstone), `__proto__`, numbers beyond all.
 */
function expressionOf(text: string): string | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const json = JSON.stringify(value);
    const isSame = value !== null && !json.includes('"__proto__"') && isDeepStrictEqual(JSON.parse(json), value);
    return isSame ? json : undefined;
  } catch {
    return undefined;
  }
}

function timeLiteral(timeMs: number): string {
  return Number.isInteger(timeMs) && Math.abs(timeMs) <= TIME_MS_MAX
    ? `Date.parse(${JSON.stringify(new Date(timeMs).toISOString())})`
    : String(timeMs);
}
