/** Pipelines in YAML as a user has them: run, variables, several in a file, isolation, formats. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { ORDERS, PER_MINUTE, project, type ShownEvent, STEPS, values } from "../support/pipeline_files.ts";
import { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

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
  const started = values(shown.stdout).map((line) => line as ShownEvent).find(({ event }) => event === "started")!;
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
