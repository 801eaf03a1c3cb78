/** What is wrong in a pipeline file is told before anything runs: lint, explain, expressions, the published schema. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { jsonSchema } from "../../cli/pipelines/schema.ts";
import { runCli } from "../support/cli.ts";
import { ORDERS, PER_MINUTE, project, STEPS } from "../support/pipeline_files.ts";
import { TestFolder } from "../support/processor_script.ts";

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

Deno.test("the published schema is the one that files are checked by", async () => {
  const path = fileURLToPath(new URL("../../docs/pipeline.schema.json", import.meta.url));
  assertEquals(JSON.parse(Deno.readTextFileSync(path)), jsonSchema(), "deno task schema writes it again");
  const { stdout } = await runCli(["schema"]);
  assertEquals(JSON.parse(stdout), jsonSchema());
});
