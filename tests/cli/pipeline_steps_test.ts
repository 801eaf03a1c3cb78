/**
 * Every step that a pipeline file may have, with every kind of window, join and aggregate: all in one file, whose pipelines
 * run side by side. What each operator does in general is tested in tests/processors; here, that what is written beside its
 * name reaches it.
 */

import { assertEquals } from "@std/assert";
import { STEP_NAMES } from "../../cli/pipelines/schema.ts";
import { AGGREGATE_NAMES } from "../../processors/declared/aggregates.ts";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

const CLICKS = [
  { id: "1", user: "ann", cents: 100, at: 1000, tags: ["x", "y"] },
  { id: "2", user: "bob", cents: 40, at: 2000, tags: [] },
  { id: "3", user: "ann", cents: 300, at: 4000, tags: ["z"] },
  { id: "4", user: "ann", cents: 50, at: 12_000, tags: ["x"] },
  { id: "5", user: "bob", cents: 900, at: 65_000, tags: ["y"] },
];
const RATES = [
  { user: "ann", rate: 2, at: 500 },
  { user: "bob", rate: 3, at: 3500 },
  { user: "ann", rate: 5, at: 11_000 },
];

interface Case {
  /** Steps, a line each; `side: side` sends a side stream to the second output. */
  readonly steps: string;
  readonly out: readonly unknown[];
  readonly side?: readonly unknown[];
  /** What is said of the rates, where they are read as well. */
  readonly rates?: string;
}

/** The clicks with these ids. */
function ids(...wanted: readonly string[]): readonly unknown[] {
  return wanted.map((id) => CLICKS.find((each) => each.id === id));
}

/** Results of windows: key, start and end in seconds, how many. */
function counts(...rows: readonly (readonly [string, number, number, number])[]): readonly unknown[] {
  return rows.map(([key, start, end, n]) => ({ key, startMs: start * 1000, endMs: end * 1000, n }));
}

function windowed(kind: string): string {
  return `- key: user\n- window: { ${kind}, aggregate: { n: count } }`;
}

/** Joins with the rates: what the left side, the clicks, and the right one have. */
function joined(kind: string): string {
  return `- key: user\n- join: { with: rates, ${kind}, select: { id: left.id, rate: right.rate } }`;
}

function pairs(...rows: readonly (readonly [id: string, rate: number])[]): readonly unknown[] {
  return rows.map(([id, rate]) => ({ id, rate }));
}

const KEYED_RATES = "time: at, steps: [{ key: user }]";
const DAY = 86_400;

const CASES: Readonly<Record<string, Case>> = {
  filter: { steps: "- filter: cents > 90", out: ids("1", "3", "5") },
  project: {
    steps: "- filter: id == '2'\n- project: { who: user, euros: cents / 100, one: 1 }",
    out: [{ who: "bob", euros: 0.4, one: 1 }],
  },
  set: { steps: "- filter: id == '2'\n- set: { cents: cents + 1 }", out: [{ ...CLICKS[1], cents: 41 }] },
  drop: { steps: "- filter: id == '2'\n- drop: [tags, at, user]", out: [{ id: "2", cents: 40 }] },
  key: {
    steps: '- key: [user, "cents > 90"]\n- window: { tumbling: 1h, aggregate: { n: count } }',
    out: counts(
      ['["ann",false]', 0, 3600, 1],
      ['["ann",true]', 0, 3600, 2],
      ['["bob",false]', 0, 3600, 1],
      ['["bob",true]', 0, 3600, 1],
    ),
  },
  flatten: { steps: "- flatten: tags", out: ["x", "y", "z", "x", "y"] },
  merge: {
    steps: "- filter: id == '5'\n- merge: [rates]\n- project: { user: user }\n- in-order: true",
    rates: "time: at",
    out: [{ user: "ann" }, { user: "bob" }, { user: "ann" }, { user: "bob" }],
  },
  dedupe: {
    steps: "- dedupe: { by: user, ttl: 5s }\n  repeats: side",
    out: ids("1", "2", "4", "5"),
    side: ids("3"),
  },
  check: {
    steps: "- check: { dear: cents >= 50, early: at < 60000 }\n  rejects: side",
    out: ids("1", "3", "4"),
    side: [{ value: CLICKS[1], reasons: ["dear"] }, { value: CLICKS[4], reasons: ["early"] }],
  },
  correct: {
    steps: "- filter: id == '2'\n- correct: { user: { text: { letters: upper } }, id: number }",
    out: [{ ...CLICKS[1], user: "BOB", id: 2 }],
  },
  outliers: {
    steps: "- outliers: { of: cents, method: mad, least: 3 }\n  rejects: side",
    out: ids("1", "2", "3", "4"),
    side: [{ value: CLICKS[4], number: 900, low: 75 - 3 * 1.4826 * 30, high: 75 + 3 * 1.4826 * 30 }],
  },
  "rate-limit": {
    steps: "- key: user\n- rate-limit: { count: 1, per: 10s }\n  excess: side",
    out: ids("1", "2", "4", "5"),
    side: ids("3"),
  },
  throttle: { steps: "- key: user\n- throttle: 1h", out: ids("1", "2", "4", "5") },
  sample: { steps: "- sample: 1", out: CLICKS },
  "in-order": { steps: "- in-order: true\n  late: side", out: CLICKS, side: [] },
  changes: {
    steps: "- key: user\n- filter: user == 'bob'\n- changes: true",
    out: [{ key: "bob", before: null, after: CLICKS[1] }, { key: "bob", before: CLICKS[1], after: CLICKS[4] }],
  },
  split: {
    steps: "- split: { side: user == 'bob' }",
    out: ids("1", "3", "4"),
    side: ids("2", "5"),
  },
  enrich: {
    steps: "- filter: id == '2'\n- enrich: { effect: greet, ask: user, as: greeting, cache: 1h, retries: 0 }",
    out: [{ ...CLICKS[1], greeting: "hello bob" }],
  },
  "enrich, failed": {
    steps:
      "- filter: id == '2'\n- enrich: { effect: fail, ask: user, as: greeting, retries: 0 }\n  failed: side\n- drop: []",
    out: [],
    side: [{ value: CLICKS[1], reason: "out of order" }],
  },
  alert: {
    steps:
      "- key: user\n- alert: { raise: cents > 200, clear: cents < 60 }\n- project: { kind: value.kind, key: value.key, sinceMs: sinceMs }",
    out: [
      { kind: "raised", key: "ann", sinceMs: 4000 },
      { kind: "cleared", key: "ann", sinceMs: 4000 },
      { kind: "raised", key: "bob", sinceMs: 65_000 },
    ],
  },
  sequence: {
    steps: "- key: user\n- sequence: { parts: [cents < 200, cents >= 300], within: 1m }\n  expired: side",
    out: [{ key: "ann", startMs: 1000, endMs: 4000, elements: ids("1", "3") }],
    side: [
      { key: "bob", startMs: 2000, endMs: 2000, elements: ids("2") },
      { key: "ann", startMs: 12_000, endMs: 12_000, elements: ids("4") },
    ],
  },
  use: { steps: "- use: ./own.ts#only\n  with: { user: bob }", out: ids("2", "5") },
  window: {
    steps: windowed("tumbling: 1m"),
    out: counts(["ann", 0, 60, 3], ["bob", 0, 60, 1], ["bob", 60, 120, 1]),
  },
  "window, tumbling with an offset": {
    steps: windowed("tumbling: 1m, offset: 3s"),
    out: counts(["ann", -57, 3, 1], ["bob", -57, 3, 1], ["ann", 3, 63, 2], ["bob", 63, 123, 1]),
  },
  "window, hopping": {
    steps: `- filter: user == "bob"\n${windowed("hopping: { size: 2m, every: 1m }")}`,
    out: counts(["bob", -60, 60, 1], ["bob", 0, 120, 2], ["bob", 60, 180, 1]),
  },
  "window, calendar": {
    steps: windowed("calendar: { unit: day, zone: Asia/Kolkata }"),
    out: counts(["ann", -19_800, DAY - 19_800, 3], ["bob", -19_800, DAY - 19_800, 2]),
  },
  "window, session": {
    steps: windowed("session: 5s"),
    out: [
      { key: "bob", startMs: 2000, endMs: 2000, n: 1 },
      { key: "ann", startMs: 1000, endMs: 4000, n: 2 },
      { key: "ann", startMs: 12_000, endMs: 12_000, n: 1 },
      { key: "bob", startMs: 65_000, endMs: 65_000, n: 1 },
    ],
  },
  "window, sliding": {
    steps: `- filter: user == "ann"\n${windowed("sliding: 5s")}\n- project: { endMs: endMs, n: n }`,
    out: [{ endMs: 1000, n: 1 }, { endMs: 4000, n: 2 }, { endMs: 12_000, n: 1 }],
  },
  "window, count": {
    steps: `${windowed("count: 2")}\n- project: { key: value.key, n: n }`,
    out: [{ key: "ann", n: 2 }, { key: "bob", n: 2 }, { key: "ann", n: 1 }],
  },
  "window, change": {
    steps: `${windowed("change: cents > 90")}\n- project: { key: value.key, n: n }`,
    out: [{ key: "ann", n: 2 }, { key: "bob", n: 1 }, { key: "ann", n: 1 }, { key: "bob", n: 1 }],
  },
  "window, early results": {
    steps: "- filter: id == '2'\n- window: { tumbling: 1m, aggregate: { n: count }, emit: update, retract: true }\n" +
      "- project: { n: n }",
    out: [{ n: 1 }, { n: 1 }, { n: 1 }],
  },
  join: {
    steps: joined("within: 4s"),
    rates: KEYED_RATES,
    out: pairs(["1", 2], ["2", 3], ["3", 2], ["4", 5]),
  },
  "join, before and after": {
    steps: joined("before: 4s, after: 0"),
    rates: KEYED_RATES,
    out: pairs(["1", 2], ["3", 2], ["4", 5]),
  },
  "join, window": {
    steps: joined("window: { tumbling: 10s }"),
    rates: KEYED_RATES,
    out: pairs(["1", 2], ["3", 2], ["2", 3], ["4", 5]),
  },
  "join, as-of": {
    steps: joined("as-of: true, kind: inner"),
    rates: KEYED_RATES,
    out: pairs(["1", 2], ["3", 2], ["4", 5], ["5", 3]),
  },
  "join, as-of with a time in milliseconds": {
    steps: joined("as-of: 1000, kind: inner"),
    rates: KEYED_RATES,
    out: pairs(["1", 2], ["4", 5]),
  },
  "join, as-of, without a partner": {
    steps: "- key: user\n- filter: id == '2'\n" +
      "- join: { with: rates, as-of: 1, select: { id: left.id, rate: 'has(right.rate) ? dyn(right.rate) : null' } }",
    rates: KEYED_RATES,
    out: [{ id: "2", rate: null }],
  },
  "join, table": {
    steps: joined("table: true, kind: inner"),
    rates: `${KEYED_RATES}, table: true`,
    out: pairs(["1", 2], ["3", 2], ["4", 5], ["5", 3]),
  },
};

const AGGREGATES: Readonly<Record<string, readonly [spec: string, result: unknown]>> = {
  count: ["count", 5],
  sum: ["{ sum: cents }", 1390],
  "exact-sum": ["{ exact-sum: cents / 10 }", "139"],
  mean: ["{ mean: cents }", 278],
  min: ["{ min: cents }", 40],
  max: ["{ max: cents }", 900],
  first: ["{ first: id }", "1"],
  last: ["{ last: id }", "5"],
  variance: ["{ variance: cents * 0 }", 0],
  deviation: ["{ deviation: cents * 0 }", 0],
  distinct: ["{ distinct: user }", 2],
  "distinct-approximately": ["{ distinct-approximately: id }", 5],
  collect: ["{ collect: { of: id, max: 9 } }", ["1", "2", "3", "4", "5"]],
  top: ["{ top: { n: 2, by: cents, of: id } }", ["5", "3"]],
  quantiles: ["{ quantiles: { of: cents, at: [0, 0.5, 1] } }", { p0: 40, p50: 100, p100: 900 }],
  histogram: ["{ histogram: { of: cents, bounds: [50, 200] } }", [1, 2, 2]],
  correlation: ["{ correlation: [cents, cents * 2] }", 1],
};

const FILES: Readonly<Record<string, string>> = {
  "clicks.ndjson": lines(CLICKS),
  "rates.ndjson": lines(RATES),
  "effects.ts": `
    export const greet = (name) => "hello " + name;
    export const fail = () => { throw new Error("out of order"); };`,
  "own.ts": `
    import { filter } from "@sluice/sluice/pipeline";
    export const only = ({ user }) => filter((value) => value.user === user);`,
};

function lines(values: readonly unknown[]): string {
  return values.map((value) => JSON.stringify(value) + "\n").join("");
}

function pipelineOf([name, { steps, rates, side }]: [string, Case], i: number): string {
  const others = rates === undefined ? "" : `\n      rates: { uri: file:rates.ndjson?time=at, ${rates} }`;
  return `
  - name: case-${i}
    description: "${name}"
    from:
      clicks: { uri: file:clicks.ndjson?time=at, time: at }${others}
    steps:
${steps.replaceAll(/^/gm, "      ")}
    to:
      out: file:${i}.out
${side ? `      side: file:${i}.side\n` : ""}    run: { until-end: true, effects: ./effects.ts }
`;
}

Deno.test("every step of a pipeline file does what is written beside its name, in pipelines that run side by side", async () => {
  await using folder = new TestFolder();
  for (const [name, text] of Object.entries(FILES)) folder.write(name, text);
  const cases = Object.entries(CASES);
  folder.write("all.yaml", `pipelines:${cases.map(pipelineOf).join("")}`);
  const { code, stderr } = await runCli(["run", "all.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const found = (path: string): readonly unknown[] =>
    folder.read(path).split("\n").slice(0, -1).map((line) => JSON.parse(line));
  for (const [i, [name, { out, side }]] of cases.entries()) {
    assertEquals(found(`${i}.out`), out, name);
    if (side) assertEquals(found(`${i}.side`), side, name);
  }
  const tested = new Set(cases.map(([name]) => name.replace(/,.*/, "")));
  assertEquals(tested, new Set(STEP_NAMES));
});

Deno.test("every aggregate of a pipeline file does what is written beside its name", async () => {
  await using folder = new TestFolder();
  folder.write("clicks.ndjson", FILES["clicks.ndjson"]);
  const aggregate = Object.entries(AGGREGATES).map(([name, [spec]]) => `        ${name}: ${spec}\n`).join("");
  folder.write(
    "p.yaml",
    `
name: aggregates
from: { clicks: { uri: file:clicks.ndjson, time: at } }
steps:
  - window:
      tumbling: 1h
      aggregate:
${aggregate}
to: file:out.ndjson
`,
  );
  const { code, stderr } = await runCli(["run", "p.yaml", "--until-end"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const { key: _, startMs: __, endMs: ___, ...results } = JSON.parse(folder.read("out.ndjson"));
  assertEquals(results, Object.fromEntries(Object.entries(AGGREGATES).map(([name, [, result]]) => [name, result])));
  assertEquals(Object.keys(AGGREGATES).toSorted(), AGGREGATE_NAMES.toSorted());
});
