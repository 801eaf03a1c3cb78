/**
 * An incident, from end to end: it fails in production, is replayed, a debugger stops there, a fix is tried on what was
 * recorded, and becomes a test that is red on the old code and green on the new.
 */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { fileURLToPath } from "node:url";
import { runCli, spawnCli } from "../support/cli.ts";
import { inspectorUrl, TestDebugger } from "../support/debugger.ts";
import { TestFolder } from "../support/processor_script.ts";

const BROKEN = `import { defineProcessor, json } from "@sluice/sluice/processor";

interface Order {
  id: string;
  customer: string;
  items: { cents: number; discount?: { percent: number } }[];
}

export default defineProcessor({
  name: "invoices",
  input: json<Order>(),
  output: json<{ customer: string; cents: number }>(),
  async process({ value }, { state, emit, effect }) {
    const rate = await effect<number>("rate", value.customer);
    let cents = 0;
    for (const item of value.items) {
      cents += item.cents - item.cents * item.discount!.percent / 100;
    }
    const total = (state.get<number>(value.customer) ?? 0) + Math.round(cents * rate);
    state.set(value.customer, total);
    emit({ key: value.customer, value: { customer: value.customer, cents: total } });
  },
});
`;
const FIXED = BROKEN.replace("item.discount!.percent", "(item.discount?.percent ?? 0)");
const ORDERS = Array.from({ length: 30 }, (_, n) => ({
  id: String(n),
  customer: `c${n % 3}`,
  items: [n === 17 ? { cents: 100 } : { cents: 100 * n, discount: { percent: 10 } }],
}));
const CONFIG = JSON.stringify({
  imports: {
    "@sluice/sluice/processor": new URL("../../processor.ts", import.meta.url).href,
    "@sluice/sluice/testing": new URL("../../testing.ts", import.meta.url).href,
  },
});

async function denoTest(folder: TestFolder, args: readonly string[]): Promise<{ code: number; output: string }> {
  const config = fileURLToPath(new URL("../../deno.json", import.meta.url));
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["test", "-A", ...(args.includes("--check") ? [] : ["--no-check"]), "--config", config, ...args],
    cwd: folder.path,
    env: { NO_COLOR: "1" },
  }).output();
  return { code, output: new TextDecoder().decode(stdout) + new TextDecoder().decode(stderr) };
}

Deno.test("an incident becomes a test that is red on the old code and green on the new", async () => {
  await using folder = new TestFolder();
  folder.write("deno.json", CONFIG);
  folder.write("invoices.ts", BROKEN);
  folder.write("fixed.ts", FIXED);
  folder.write("effects.ts", "export const rate = (customer: string) => 1 + Number(customer[1]) / 10;");
  folder.write("orders.ndjson", ORDERS.map((order) => `${JSON.stringify(order)}\n`).join(""));
  const sluice = (...args: string[]) => runCli(args, { cwd: folder.path });

  // It fails in production.
  const args = ["--from", "orders.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];
  const production = await sluice("run", "invoices.ts", ...args, "--effects", "effects.ts");
  assertEquals(production.code, 1);
  const [, offset] = /orders\.ndjson\/0@(\d+)/.exec(production.stderr)!;
  assertStringIncludes(production.stderr, "sluice replay invoices --failed");

  // It fails again in a replay, in the same way.
  const replayed = await sluice("replay", "invoices", "--failed", "--json");
  assertEquals([replayed.code, JSON.parse(replayed.stdout).records], [0, 1], replayed.stderr);

  // A debugger stops there.
  const child = spawnCli(["replay", "invoices", "--failed", "--inspect", "127.0.0.1:0"], { cwd: folder.path });
  const { url, rest } = await inspectorUrl(child.stderr);
  const debug = await TestDebugger.attach(url);
  let pause = await debug.paused();
  while (!debug.sourceOf(pause).startsWith("invoices.ts")) pause = await debug.stepInto();
  assertMatch(debug.sourceOf(pause), /^invoices\.ts:1[34]$/);
  assertEquals(await debug.evaluate(pause, "value.id + ' ' + value.items[0].discount"), "17 undefined");
  await debug.resume();
  await child.stdin.close();
  await child.stdout.cancel();
  assertEquals((await child.status).code, 0, await rest);

  // The fix is tried on all that was recorded: the record is fixed, and nothing else is different.
  const tried = await sluice("replay", "invoices", "--with", "fixed.ts", "--json");
  assertEquals([tried.code, JSON.parse(tried.stdout).whatIf.recordsChanged], [0, 0], tried.stderr);
  const fixed = await sluice("replay", "invoices", "--failed", "--with", "fixed.ts", "--json");
  const { whatIf, divergences: [{ record, field, recorded, replayed: now }] } = JSON.parse(fixed.stdout);
  assertEquals([whatIf.errors, whatIf.outputs.extra, record.offset, field], [{ fixed: 1, new: 0 }, 1, offset, "error"]);
  assertMatch(recorded, /^TypeError: /);
  assertEquals(now, null);

  // It becomes a test: red on the old code, green on the new.
  assertEquals((await sluice("export", "invoices", "--failed", "-o", "incident_1234.sluice")).code, 0);
  const made = await sluice("test-from", "incident_1234.sluice", "-o", "tests/incident_1234_test.ts");
  assertEquals(made.code, 0, made.stderr);
  const red = await denoTest(folder, ["tests/incident_1234_test.ts"]);
  assertEquals(red.code, 1, red.output);
  assertMatch(red.output, new RegExp(`record orders\\.ndjson/0@${offset}: TypeError`));
  folder.write("invoices.ts", FIXED);
  assertEquals((await denoTest(folder, ["--update-snapshots", "tests/incident_1234_test.ts"])).code, 0);
  const green = await denoTest(folder, ["tests/incident_1234_test.ts"]);
  assertEquals(green.code, 0, green.output);
  assertStringIncludes(folder.read("tests/__snapshots__/incident_1234_test.ts.snap"), 'customer: "c2"');
  folder.write("invoices.ts", FIXED.replace("?? 0)", "?? 50)"));
  const regressed = await denoTest(folder, ["tests/incident_1234_test.ts"]);
  assertEquals(regressed.code, 1, regressed.output);
  assertStringIncludes(regressed.output, "Snapshot does not match");
});

Deno.test("a record that cannot be decoded fails in the test that is made of it as it did in production", async () => {
  await using folder = new TestFolder();
  folder.write("deno.json", CONFIG);
  folder.write("invoices.ts", FIXED);
  folder.write("orders.ndjson", "not json\n");
  const sluice = (...args: string[]) => runCli(args, { cwd: folder.path });
  const args = ["--from", "orders.ndjson", "--to", "out.ndjson", "--until-end"];
  assertEquals((await sluice("run", "invoices.ts", ...args)).code, 1);
  assertEquals((await sluice("export", "invoices", "--failed", "-o", "incident.sluice")).code, 0);
  assertEquals((await sluice("test-from", "incident.sluice")).code, 0);
  const made = await denoTest(folder, ["--check", "tests/incident_test.ts"]);
  assertEquals(made.code, 1, made.output);
  assertStringIncludes(made.output, "record orders.ndjson/0@0: DecodeError: Cannot decode the record as json");
});

Deno.test("a record that fails in a pipeline file becomes a test of that pipeline: red, and green once it is mended", async () => {
  await using folder = new TestFolder();
  const file = (expression: string) => `
pipelines:
  - name: other
    from: file:orders.ndjson
    to: file:other.ndjson
  - name: doubled
    from: file:orders.ndjson
    steps: [{ project: { doubled: "${expression}" } }]
    to: file:out.ndjson
`;
  folder.write("deno.json", CONFIG);
  folder.write("p.yaml", file("cents * 2"));
  folder.write("orders.ndjson", '{"cents":1}\n{"euros":1}\n');
  const sluice = (...args: string[]) => runCli(args, { cwd: folder.path });
  assertEquals((await sluice("run", "p.yaml", "--pipeline", "doubled", "--until-end")).code, 1);
  assertEquals((await sluice("export", "doubled", "--failed", "-o", "incident.sluice")).code, 0);
  assertEquals((await sluice("test-from", "incident.sluice")).code, 0);
  const red = await denoTest(folder, ["--check", "tests/incident_test.ts"]);
  assertEquals(red.code, 1, red.output);
  assertStringIncludes(red.output, "there is no field cents, its fields are euros");
  folder.write("p.yaml", file("has(value.cents) ? cents * 2 : 0.0"));
  const green = await denoTest(folder, ["--check", "--update-snapshots", "tests/incident_test.ts"]);
  assertEquals(green.code, 0, green.output);
  assertStringIncludes(folder.read("tests/__snapshots__/incident_test.ts.snap"), "doubled: 0");
});
