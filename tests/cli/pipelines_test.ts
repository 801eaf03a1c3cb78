/** Pipelines in YAML as a user has them: run, lint, explain, variables, several in a file, steps that come and go. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";
import { jsonSchema } from "../../cli/pipelines/schema.ts";
import { runCli, spawnCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

const ORDERS = [
  { customer: "ann", cents: 1250, at: 1000 },
  { customer: "bob", cents: 30, at: 2000 },
  { customer: "ann", cents: 750, at: 61_000 },
  { customer: "ann", cents: 10, at: 59_000 },
  { customer: "bob", cents: 99, at: 125_000 },
  { customer: "ann", cents: 1, at: 3000 },
].map((order) => JSON.stringify(order) + "\n").join("");

const PER_MINUTE = `
name: per-minute
from:
  orders:
    uri: file:\${ORDERS:orders.ndjson}
    time: at
    lateness: \${LATENESS:10s}
steps:
  - filter: cents > 5 || customer == "ann"
  - set: { euros: cents / 100 }
  - key: customer
  - window: { tumbling: 1m, aggregate: { orders: count, euros: { sum: euros } } }
    late: late
  - use: ./steps.ts#rounded
    with: { digits: 1 }
to:
  totals: file:totals.ndjson
  late: file:late.ndjson
run:
  until-end: true
`;

const STEPS = `
import { map } from "@sluice/sluice/pipeline";

export const rounded = ({ digits }: { digits: number }) =>
  map((value: { euros: number }) => ({ ...value, euros: Number(value.euros.toFixed(digits)) }));
`;

function project(files: Readonly<Record<string, string>>): TestFolder {
  const folder = new TestFolder();
  for (const [name, text] of Object.entries(files)) folder.write(name, text);
  return folder;
}

function values(text: string): unknown[] {
  return text.split("\n").slice(0, -1).map((line) => JSON.parse(line));
}

Deno.test("a pipeline file runs with what it says: steps, own operators, side outputs, options; and replays", async () => {
  await using folder = project({ "per_minute.yaml": PER_MINUTE, "steps.ts": STEPS, "orders.ndjson": ORDERS });
  const { code, stderr } = await runCli(["run", "per_minute.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertEquals(values(folder.read("totals.ndjson")), [
    { key: "ann", startMs: 0, endMs: 60_000, orders: 2, euros: 12.6 },
    { key: "bob", startMs: 0, endMs: 60_000, orders: 1, euros: 0.3 },
    { key: "ann", startMs: 60_000, endMs: 120_000, orders: 1, euros: 7.5 },
    { key: "bob", startMs: 120_000, endMs: 180_000, orders: 1, euros: 1 },
  ]);
  assertEquals(values(folder.read("late.ndjson")), [{ customer: "ann", cents: 1, at: 3000, euros: 0.01 }]);
  const replayed = await runCli(["replay", "per-minute"], { cwd: folder.path });
  assertEquals(replayed.code, 0, replayed.stderr);
});

Deno.test("variables come from the environment, what is typed wins over the file, and paths are beside the file", async () => {
  await using folder = project({
    "p/per_minute.yaml": PER_MINUTE,
    "p/steps.ts": STEPS,
    "p/other.ndjson": ORDERS,
  });
  const args = ["run", "p/per_minute.yaml", "--to", "late=file:elsewhere.ndjson", "--name", "again", "--json"];
  const env = { ORDERS: "other.ndjson", LATENESS: "1000000" };
  const { code, stdout, stderr } = await runCli(args, { cwd: folder.path, env });
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).run, "again");
  assertEquals(values(folder.read("p/totals.ndjson")).length, 4);
  assertEquals(folder.read("elsewhere.ndjson"), "");
});

Deno.test("several pipelines of a file run side by side; one can be chosen", async () => {
  const two = `
pipelines:
  - name: large
    from: file:orders.ndjson
    steps: [{ filter: cents > 500 }]
    to: file:large.ndjson
    run: { until-end: true }
  - name: small
    from: file:orders.ndjson
    steps: [{ filter: cents <= 500 }, { project: { id: customer, c: cents } }]
    to: file:small.ndjson
    run: { until-end: true }
`;
  await using folder = project({ "two.yaml": two, "orders.ndjson": ORDERS });
  const one = await runCli(["run", "two.yaml", "--pipeline", "small"], { cwd: folder.path });
  assertEquals(one.code, 0, one.stderr);
  assertEquals(values(folder.read("small.ndjson"))[0], { id: "bob", c: 30 });
  const both = await runCli(["run", "two.yaml"], { cwd: folder.path });
  assertEquals(both.code, 0, both.stderr);
  assertEquals(values(folder.read("large.ndjson")).length, 2);
  const tried = await runCli(["replay", "small", "--with", "two.yaml"], { cwd: folder.path });
  assertEquals(tried.code, 0, tried.stderr);
  const wrong = await runCli(["run", "two.yaml", "--pipeline", "smal"], { cwd: folder.path });
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "Did you mean small?");
  const shared = await runCli(["run", "two.yaml", "--to", "file:x"], { cwd: folder.path });
  assertStringIncludes(shared.stderr, "choose one with --pipeline");
});

Deno.test("folders in a pipeline file are folders, though they are not there yet: a task for each file, a file for each task", async () => {
  const file = "{ name: split, from: file:in/, to: file:out/, run: { until-end: true } }";
  await using folder = project({ "p/p.yaml": file, "p/in/a.ndjson": ORDERS, "p/in/b.ndjson": '{"id":"b"}\n' });
  const { code, stderr } = await runCli(["run", "p/p.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertEquals(["0", "1"].map((task) => folder.read(`p/out/part-${task}.ndjson`)), [ORDERS, '{"id":"b"}\n']);
});

Deno.test("a pipeline that cannot begin is told of by its name, and does not take the others of its file with it", async () => {
  const file = `
pipelines:
  - { name: whole, from: file:orders.ndjson, to: file:whole.ndjson, run: { until-end: true } }
  - { name: broken, from: file:nothing.ndjson, to: file:broken.ndjson, run: { until-end: true } }
`;
  await using folder = project({ "p.yaml": file, "orders.ndjson": ORDERS });
  const { code, stderr } = await runCli(["run", "p.yaml"], { cwd: folder.path });
  assertEquals(code, 1);
  assertMatch(stderr, /^broken: Cannot read \S+nothing\.ndjson: there is no such file$/m);
  assertEquals(folder.read("whole.ndjson"), ORDERS);
  folder.write("p.yaml", file.replace("to: file:broken.ndjson", "to: { other: 7 }"));
  const wrong = await runCli(["run", "p.yaml"], { cwd: folder.path });
  assertEquals(wrong.code, 2, wrong.stderr);
});

function childrenOf(pid: number): readonly string[] {
  const threads = [...Deno.readDirSync(`/proc/${pid}/task`)];
  return threads.map(({ name }) => Deno.readTextFileSync(`/proc/${pid}/task/${name}/children`)).filter(Boolean);
}

Deno.test("a pipeline gets the isolation and the threads that its file asks for, unless others are typed", async () => {
  const file = (run: string) => `{ name: kept, from: file:orders.ndjson, to: file:out.ndjson, run: { ${run} } }`;
  await using folder = project({ "orders.ndjson": ORDERS });
  for (
    const [run, typed, isProcess] of [
      ["isolation: process", [], true],
      ["workers: 2, isolation: worker", [], false],
      ["isolation: process", ["--isolation", "worker"], false],
    ] as const
  ) {
    folder.write("p.yaml", file(run));
    const name = crypto.randomUUID();
    const args = ["run", "p.yaml", "--name", name, "--to", `file:${name}.ndjson`, "--quiet", ...typed];
    const child = spawnCli(args, { cwd: folder.path });
    await until(async () => await Deno.readTextFile(folder.at(`${name}.ndjson`)).catch(() => "") === ORDERS);
    assertEquals(childrenOf(child.pid).length > 0, isProcess, run);
    child.kill("SIGTERM");
    await child.stdin.close();
    assertEquals((await child.output()).code, 0);
  }
});

Deno.test("lint says all that is wrong, with line, column and what was probably meant", async () => {
  const bad = `name: bad
from:
  orders:
    uri: file:x.ndjson
    latenes: 10s
steps:
  - filtr: cents > 0
  - window: { tumbling: 1m, agregate: { orders: count } }
  - throttle: true
to: file:\${NOWHERE}
`;
  await using folder = project({ "bad.yaml": bad, "none.yaml": "name: [" });
  const missing = await runCli(["lint", "bad.yaml"], { cwd: folder.path });
  assertEquals(missing.code, 2);
  assertMatch(missing.stderr, /bad\.yaml:10:5: Cannot fill in \$\{NOWHERE\}: it is not in the environment/);
  const env = { NOWHERE: "y.ndjson" };
  const first = await runCli(["lint", "bad.yaml"], { cwd: folder.path, env });
  assertMatch(first.stderr, /bad\.yaml:5:5: Cannot use latenes.*did you mean lateness\?/);
  folder.write("bad.yaml", bad.replace("latenes:", "lateness:"));
  const { stderr, code } = await runCli(["lint", "bad.yaml"], { cwd: folder.path, env });
  assertEquals(code, 2);
  assertEquals(stderr.trim().split("\n"), [
    "bad.yaml:7:5: Cannot use step filtr: there is no such step; did you mean filter?",
    "bad.yaml:8:5: Cannot use window: aggregate is missing",
    "bad.yaml:8:29: Cannot use agregate: nothing is called that here; did you mean aggregate?",
    'bad.yaml:9:5: Cannot use throttle: it is true, wanted is milliseconds, or text such as "30s", "1h30m"',
  ]);
  const json = await runCli(["lint", "bad.yaml", "--json"], { cwd: folder.path, env });
  assertEquals(JSON.parse(json.stdout)[0].findings.length, 4);
  assertMatch((await runCli(["lint", "none.yaml"], { cwd: folder.path })).stderr, /none\.yaml:\d+:\d+: /);
  assertMatch((await runCli(["run", "gone.yaml"], { cwd: folder.path })).stderr, /gone\.yaml: there is no such file/);
});

Deno.test("inputs that no step reads, and outputs that none writes, are told of with their places", async () => {
  await using folder = new TestFolder();
  const lint = async (from: string, steps: string, to: string) => {
    folder.write("p.yaml", `name: p\nfrom: ${from}\nsteps: ${steps}\nto: ${to}\n`);
    const { code, stdout, stderr } = await runCli(["lint", "p.yaml"], { cwd: folder.path });
    return [code, stdout + stderr];
  };
  const [from, to] = ["{ a: file:a, b: file:b }", "{ out: file:o, late: file:l }"];
  const window = "window: { tumbling: 1m, aggregate: { n: count } }";
  assertEquals(await lint(from, "[{ filter: x > 1 }]", "file:o"), [
    2,
    "p.yaml:2:20: Cannot use input b: no step joins or merges it\n",
  ]);
  assertEquals(await lint("file:a", `[{ ${window} }]`, to), [
    2,
    "p.yaml:4:20: Cannot use output late: no step sends anything there\n",
  ]);
  assertEquals((await lint(from, `[{ merge: [b] }, { ${window}, late: late }]`, to))[0], 0);
});

Deno.test("a file without a pipeline is told of; options that name files are found beside the file", async () => {
  await using folder = new TestFolder();
  for (
    const [text, told] of [
      ["", "it holds no pipeline"],
      ["- a\n", "it holds no pipeline"],
      ["pipelines: []\n", "the list is empty"],
      ["pipelines: a\n", "a list is wanted"],
    ] as const
  ) {
    folder.write("p/p.yaml", text);
    const { code, stdout, stderr } = await runCli(["run", "p/p.yaml"], { cwd: folder.path });
    assertEquals(code, 2, text);
    assertStringIncludes(stdout + stderr, told);
  }
  folder.write("p/in.ndjson", ORDERS);
  folder.write("p/p.yaml", "{ name: beside, from: file:in.ndjson, to: 'kafka://127.0.0.1:1/t?config=c.properties' }");
  folder.write("p/c.properties", "no.such.setting=1\n");
  const { code, stderr } = await runCli(["run", "p/p.yaml", "--until-end"], { cwd: folder.path });
  assertEquals(code, 2);
  assertStringIncludes(stderr, "no.such.setting");
});

Deno.test("what formats and aggregates are told is looked at before anything runs", async () => {
  await using folder = new TestFolder();
  const file = (format: string, aggregate: string) => `
name: told
from: file:in.ndjson
steps: [{ window: { tumbling: 1m, aggregate: { m: ${aggregate} } } }]
to: { out: { uri: file:out, format: ${format} } }
`;
  const wrong: readonly (readonly [format: string, aggregate: string, told: string])[] = [
    ["csv", "count", "wanted is how values are written"],
    ["{ csv: { columms: [id] } }", "count", "columns is missing: the names of the fields, in order"],
    ["{ csv: { columns: [id], delimitr: ; } }", "count", "did you mean delimiter?"],
    ["{ cvs: { columns: [id] } }", "count", "did you mean csv?"],
    ["{ csv: { columns: [id] }, json: {} }", "count", "one is wanted"],
    ["{}", "count", "one is wanted"],
    ["{ avro: {} }", "count", "schema is missing"],
    ["json", "{ summ: cents }", "did you mean sum?"],
    ["json", "{ sum: cents, max: cents }", "one aggregate is wanted"],
    ["json", "{ top: { n: 2, of: id } }", "by is missing"],
    ["json", "{ quantiles: { of: cents, at: [2] } }", "Cannot use at 1"],
    ["json", "{ histogram: { of: cents } }", "bounds is missing: rising numbers"],
    ["json", "{ correlation: [cents] }", "Cannot use correlation"],
  ];
  for (const [format, aggregate, told] of wrong) {
    folder.write("p.yaml", file(format, aggregate));
    const { code, stdout, stderr } = await runCli(["lint", "p.yaml"], { cwd: folder.path });
    assertEquals(code, 2, `${format} ${aggregate}: ${stdout}${stderr}`);
    assertStringIncludes(stdout + stderr, told, `${format} ${aggregate}`);
  }
  folder.write("p.yaml", file("{ csv: { columns: [m] } }", "{ collect: { of: id, max: 3 } }"));
  assertEquals((await runCli(["lint", "p.yaml"], { cwd: folder.path })).code, 0);
});

Deno.test("expressions are checked before anything runs, and name what they do not find when it does", async () => {
  const pipeline = (step: string) => `name: p\nfrom: file:orders.ndjson\nsteps:\n  - ${step}\nto: file:out.ndjson\n`;
  await using folder = project({ "orders.ndjson": ORDERS });
  const wrong: [string, RegExp][] = [
    ["filter: cents >", /p\.yaml:4:5: Cannot read "cents >"/],
    ["filter: \"'a' - 1 > cents\"", /Cannot read "'a' - 1 > cents": no such overload/],
    [
      "window: { tumbling: soon, aggregate: { n: count } }",
      /Cannot use tumbling: it is "soon", wanted is milliseconds/,
    ],
    ["window: { tumbling: 1m, session: 5s, aggregate: { n: count } }", /one of tumbling/],
    ["window: { tumbling: 1m, aggregate: { n: { sum: key } } }", /key is not known here/],
    ["join: { with: others, within: 5m }", /Cannot join with others/],
    ["{ split: { big: cents > 5 } }", /Cannot send big to big/],
    ["{ split: {} }", /for one output at least/],
    ["{ throttle: -1s }", /Cannot use throttle: it is "-1s", wanted is milliseconds/],
    ["{ join: { with: default, within: 1m, as-of: true } }", /Cannot join by within and as-of at once/],
    ["{ join: { with: default, table: true, kind: outer } }", /kind is outer, .* inner or left is wanted/],
    ["{ window: { session: 1m, offset: 5s, aggregate: { n: count } } }", /Cannot use offset with session windows/],
    ["{ project: { user } }", /user is missing: an expression/],
    ["{ filter: 'true', map: x }", /nothing is called that here/],
    ["{ filter: 'true', project: { a: cents } }", /write a step for each/],
  ];
  for (const [step, message] of wrong) {
    folder.write("p.yaml", pipeline(step));
    const { code, stderr } = await runCli(["run", "p.yaml", "--until-end"], { cwd: folder.path });
    assertEquals([code, message.test(stderr)], [2, true], `${step}: ${stderr}`);
  }
  folder.write("p.yaml", pipeline("filter: euros > 5"));
  const { code, stderr } = await runCli(["run", "p.yaml", "--until-end"], { cwd: folder.path });
  assertEquals(code, 1);
  assertStringIncludes(stderr, 'Cannot compute "euros > 5": there is no field euros, its fields are ');
});

Deno.test("explain shows the graph as text, Mermaid and JSON, of files and of scripts", async () => {
  const script = `import { count, json, pipeline, tumbling } from "@sluice/sluice/pipeline";
export default pipeline("p", ({ from }) =>
  from(json<number>()).window(tumbling("1m")).aggregate({ n: count() }).named("minutes").to(json()));`;
  await using folder = project({ "per_minute.yaml": PER_MINUTE, "steps.ts": STEPS, "p.ts": script });
  const text = await runCli(["explain", "per_minute.yaml"], { cwd: folder.path });
  assertStringIncludes(text.stdout, "window {tumbling:1m,aggregate:{orders:count,euros:{sum:euros}}} [state] ← key");
  assertStringIncludes(text.stdout, "to late ← window (late)");
  const mermaid = await runCli(["explain", "p.ts", "--mermaid"], { cwd: folder.path });
  assertEquals(mermaid.stdout.split("\n")[0], "flowchart LR");
  assertStringIncludes(mermaid.stdout, 's1[("minutes: window tumbling 1m: n")]');
  const json = JSON.parse((await runCli(["explain", "p.ts", "--json"], { cwd: folder.path })).stdout);
  assertEquals(json.edges, [{ from: "from", to: "minutes" }, { from: "minutes", to: "to" }]);
  const plain = await runCli(["explain", "copy"], { cwd: folder.path });
  assertEquals(plain.stdout.trim().split("\n"), ["copy", "  from", "  copy: process ← from", "  to ← copy"]);
});

Deno.test("partitions whose times begin anew are late one after the other, unless their source has the time", async () => {
  const script = `import { count, json, pipeline, tumbling } from "@sluice/sluice/pipeline";
export default pipeline("p", ({ from }) =>
  from(json<{ at: number }>(), { time: ({ at }) => at })
    .keyBy(() => "all").window(tumbling("1m")).aggregate({ n: count() }).to(json()));`;
  await using folder = project({ "p.ts": script });
  Deno.mkdirSync(`${folder.path}/parts`);
  for (const part of ["a", "b"]) folder.write(`parts/${part}.ndjson`, `{"at":1000}\n{"at":90000}\n`);
  const run = (from: string, name: string) =>
    runCli(["run", "p.ts", "--from", from, "--to", "-", "--name", name, "--until-end"], { cwd: folder.path });
  const late = await run("file:parts/", "late");
  assertEquals(late.code, 1);
  assertStringIncludes(late.stderr, "is late, event time has reached");
  assertStringIncludes(late.stderr, "merged by their time (?time=FIELD of their source)");
  const merged = await run("file:parts/?time=at", "merged");
  assertEquals(values(merged.stdout).map((window) => (window as { n: number }).n), [2, 2], merged.stderr);
});

Deno.test("steps that come and go are an event at a place; the others keep their state, and a replay goes across", async () => {
  await using folder = project({ "per_minute.yaml": PER_MINUTE, "steps.ts": STEPS, "orders.ndjson": ORDERS });
  const cut = ORDERS.split("\n").slice(0, 2).join("\n") + "\n";
  folder.write("orders.ndjson", cut);
  // The run is stopped while its window is open: it follows the file.
  const options = ["run", "per_minute.yaml", "--json"];
  const open = PER_MINUTE.replace("run:\n  until-end: true\n", "");
  folder.write("per_minute.yaml", open);
  const stopped = await stopAfterRecords(folder, options, 2);
  assertEquals(stopped, 0);
  folder.write(
    "per_minute.yaml",
    PER_MINUTE.replace("  - key: customer\n", "  - dedupe: { by: at, ttl: 1h }\n    late: late\n  - key: customer\n"),
  );
  folder.write("orders.ndjson", ORDERS);
  const { code, stderr } = await runCli(["run", "per_minute.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /goes on with changed code .*, with dedupe/);
  const [first] = values(folder.read("totals.ndjson"));
  assertEquals(first, { key: "ann", startMs: 0, endMs: 60_000, orders: 2, euros: 12.6 });
  const shown = await runCli(["journal", "show", "per-minute", "--json"], { cwd: folder.path });
  const changed = values(shown.stdout).map((line) => line as Changed).find(({ event }) => event === "code changed")!;
  assertEquals([changed.detail.stepsAdded, changed.detail.stepsRemoved], [["dedupe"], []]);
  assert(changed.seq > 0 && Object.keys(changed.detail.positions as object).length === 1, JSON.stringify(changed));
  const replayed = await runCli(["replay", "per-minute"], { cwd: folder.path });
  assertEquals(replayed.code, 0, replayed.stderr);
});

interface Changed {
  readonly event: string;
  readonly seq: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

Deno.test("with --watch a run goes on with the steps that its file has now, and stays as it is while the file is wrong", async () => {
  const open = PER_MINUTE.replace("run:\n  until-end: true\n", "").replace(/ {2}- use[^]*?\nto:/, "to:");
  await using folder = project({
    "per_minute.yaml": open,
    "orders.ndjson": ORDERS.split("\n").slice(0, 2).join("\n") + "\n",
  });
  const child = spawnCli(["run", "per_minute.yaml", "--watch"], { cwd: folder.path });
  let told = "";
  const telling = child.stderr.pipeTo(
    new WritableStream({ write: (bytes) => void (told += new TextDecoder().decode(bytes)) }),
  );
  const shown = async (what: string) =>
    (await runCli(["journal", "show", "per-minute", "--json"], { cwd: folder.path })).stdout.includes(what);
  await until(() => shown('"records":2'));
  folder.write("per_minute.yaml", open.replace("filter:", "filtre:"));
  // A file that is written anew is empty for a moment, which a run must take for another one.
  const append = (text: string) => Deno.writeTextFileSync(folder.at("orders.ndjson"), text, { append: true });
  append(ORDERS.split("\n")[2] + "\n");
  await until(async () => told.includes("The runs go on as they are") && await shown('"records":1'));
  folder.write("per_minute.yaml", open.replace("  - key: customer\n", "  - set: { seen: true }\n  - key: customer\n"));
  await until(() => shown('"stepsAdded":["set-2"]'));
  append(ORDERS.split("\n").slice(3).join("\n"));
  await until(() => shown('"records":3'));
  child.kill("SIGTERM");
  const [{ code }] = await Promise.all([child.status, telling, child.stdout.cancel()]);
  assertEquals(code, 0, told);
  assertMatch(told, /filtre[^]*did you mean filter\?[^]*The runs go on as they are/);
  const ended = await runCli(["run", "per_minute.yaml", "--until-end"], { cwd: folder.path });
  assertEquals(ended.code, 0, ended.stderr);
  assertEquals(values(folder.read("totals.ndjson")).length, 4);
  assertEquals((await runCli(["replay", "per-minute"], { cwd: folder.path })).code, 0);
});

Deno.test("with --watch a pipeline that could not begin begins when its file is mended; the others go on meanwhile", async () => {
  const file = (input: string) => `
pipelines:
  - { name: whole, from: file:orders.ndjson, to: file:whole.ndjson }
  - { name: mended, from: file:${input}, to: file:mended.ndjson }
`;
  await using folder = project({ "p.yaml": file("nothing.ndjson"), "orders.ndjson": ORDERS });
  const child = spawnCli(["run", "p.yaml", "--watch", "--quiet"], { cwd: folder.path });
  const has = (name: string) => Deno.readTextFile(folder.at(name)).then((text) => text === ORDERS, () => false);
  await until(() => has("whole.ndjson"));
  folder.write("p.yaml", file("orders.ndjson"));
  await until(() => has("mended.ndjson"));
  child.kill("SIGTERM");
  await child.stdin.close();
  const { code, stderr } = await child.output();
  assertEquals(code, 0);
  assertStringIncludes(new TextDecoder().decode(stderr), "mended: Cannot read");
  assertEquals(await has("whole.ndjson"), true);
});

/** Follows the input until `count` records are committed, then stops as Ctrl-C does; answers the exit code. */
async function stopAfterRecords(folder: TestFolder, args: readonly string[], count: number): Promise<number> {
  const child = spawnCli(args, { cwd: folder.path });
  const shown = () => runCli(["journal", "show", "per-minute", "--json"], { cwd: folder.path });
  await until(async () => (await shown()).stdout.includes(`"records":${count}`));
  child.kill("SIGTERM");
  const { code } = await child.output();
  return code;
}

Deno.test("formats of streams are named in the file", async () => {
  const pipeline = `
name: formats
from: { rows: { uri: file:rows.txt, format: { csv: { columns: [id, note], delimiter: ";" } } } }
steps:
  - project: { id: id, note: upper(note) }
to: { out: { uri: file:out.txt, format: { csv: { columns: [note, id] } } } }
run: { until-end: true }
`;
  await using folder = project({ "p.yaml": pipeline, "rows.txt": '1;"a;b"\n2;c, d\n' });
  const { code, stderr } = await runCli(["run", "p.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertEquals(folder.read("out.txt"), 'A;B,1\n"C, D",2\n');
});

Deno.test("the journal has the fingerprint of an Avro schema with each start", async () => {
  const pipeline = `
name: pinned
from: { orders: file:orders.ndjson }
steps: [{ project: { cents: cents } }]
to:
  out:
    uri: file:out.avro
    format: { avro: { frame: single-object, schema: { type: record, name: T, fields: [{ name: cents, type: double }] } } }
run: { until-end: true }
`;
  await using folder = project({ "p.yaml": pipeline, "orders.ndjson": ORDERS });
  const { code, stderr } = await runCli(["run", "p.yaml"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const shown = await runCli(["journal", "show", "pinned", "--json"], { cwd: folder.path });
  const started = values(shown.stdout).map((line) => line as Changed).find(({ event }) => event === "started")!;
  const codecs = started.detail.codecs as { readonly outputs: { readonly out: string } };
  assertMatch(codecs.outputs.out, /^avro:[0-9a-f]{16}$/);
});

Deno.test("the pipeline that init writes runs on the orders beside it, and check knows pipeline files", async () => {
  await using folder = new TestFolder();
  assertEquals((await runCli(["init", "shop"], { cwd: folder.path })).code, 0);
  const cwd = folder.at("shop");
  const { code, stderr } = await runCli(["run", "per_minute.yaml", "--until-end"], { cwd });
  assertEquals(code, 0, stderr);
  assertEquals(values(folder.read("shop/per_minute.ndjson")).length, 3);
  assertEquals((await runCli(["check", "per_minute.yaml"], { cwd })).code, 0);
  assertEquals((await runCli(["run", "totals.ts", "--watch"], { cwd })).code, 2);
});

Deno.test("the published schema is the one that files are checked by", async () => {
  const path = fromFileUrl(new URL("../../docs/pipeline.schema.json", import.meta.url));
  assertEquals(JSON.parse(Deno.readTextFileSync(path)), jsonSchema(), "deno task schema writes it again");
  const { stdout } = await runCli(["schema"]);
  assertEquals(JSON.parse(stdout), jsonSchema());
});
