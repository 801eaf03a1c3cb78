/**
 * Twelve bugs, one test each: Sluice names the record, the field and the right cause.
 *
 * Those that are in the code are found by trying other code on what was recorded; those that are in the world by replaying
 * the recorded code; those that only show when records come otherwise by `run --verify` and by exploration.
 */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { DatabaseSync } from "node:sqlite";
import { checksum } from "../../controller/journal/database.ts";
import { ExplorationFailed, explore } from "../../testing.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const BODY = `
  const sum = (context.state.get<number>(value.who) ?? 0) + value.n;
  context.state.set(value.who, sum);
  context.timers.set("close:" + value.who, context.now + 1000);
  context.emit({ key: value.who, value: { who: value.who, sum, root: Math.cbrt(value.n) } });`;

const RUN = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];

/** One line is 18 bytes: the record of `n` is at 18 * n. */
const LINES = Array.from({ length: 20 }, (_, n) => `{"n":${10 + n},"who":"w${n % 3}"}\n`);
const offsetOf = (n: number) => String(LINES[0].length * n);

interface Found {
  readonly code: number;
  readonly offset: string | undefined;
  readonly field: string;
  readonly cause: string;
  readonly because: string;
  readonly recorded: unknown;
  readonly replayed: unknown;
}

async function recorded(body = BODY, { extra = "", args = [] as string[], isAsync = false } = {}): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", scriptOf(body, { extra, isAsync }));
  folder.write("in.ndjson", LINES.join(""));
  const { code, stderr } = await runCli([...RUN, ...args], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  return folder;
}

async function firstDivergence(folder: TestFolder, args: readonly string[] = []): Promise<Found> {
  const { code, stdout, stderr } = await runCli(["replay", "test", "--json", ...args], { cwd: folder.path });
  assertEquals(code, 3, stderr);
  const [{ record, ...rest }] = JSON.parse(stdout).divergences;
  return { code, offset: record?.offset, ...rest };
}

/** Tries changed code on a recording. */
async function tried(change: (script: string) => string, options: Parameters<typeof recorded>[1] = {}): Promise<Found> {
  await using folder = await recorded(BODY, options);
  folder.write("new.ts", change(folder.read("p.ts")));
  return await firstDivergence(folder, ["--with", "new.ts"]);
}

/** Changes a row as somebody would who also mends its checksum. */
function forge(
  folder: TestFolder,
  table: string,
  where: string,
  column: string,
  change: (cell: string) => unknown,
): void {
  const sqlite = new DatabaseSync(folder.at(".sluice/journal.db"));
  const { crc: _, ...row } = sqlite.prepare(`SELECT * FROM ${table} WHERE ${where}`).get() as Record<string, never>;
  const changed = { ...row, [column]: change(row[column]) as never };
  sqlite.prepare(`UPDATE ${table} SET ${column} = ?, crc = ? WHERE ${where}`).run(changed[column], checksum(changed));
  sqlite.close();
}

Deno.test("1. a wrong field: named with both values, cause code", async () => {
  const found = await tried((script) =>
    script.replace("who: value.who, sum,", "who: value.who, sum: value.n === 17 ? 0 : sum,")
  );
  const { offset, field, cause, because, recorded, replayed } = found;
  assertEquals([offset, field, cause, recorded, replayed], [offsetOf(7), "output[0].sum", "code", 11 + 14 + 17, 0]);
  assertStringIncludes(because, "the script differs");
});

Deno.test("2. module state shared by records: found while the run goes on, cause nondeterminism", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("moduleCounter += value.n; context.emit({ value: { sum: moduleCounter } });"));
  folder.write("in.ndjson", LINES.join(""));
  const { code, stderr } = await runCli([...RUN, "--verify", "1"], { cwd: folder.path });
  assertEquals(code, 3);
  assertMatch(stderr, /DIVERGED in\.ndjson\/0@\d+/);
  for (const text of ["output[0].sum", "cause: nondeterminism", "module variables"]) assertStringIncludes(stderr, text);
});

Deno.test("3. reading Date instead of the record's time: found by letting time pass, with record and field", async () => {
  await using folder = new TestFolder();
  const url = pathToFileURL(
    folder.write("p.ts", scriptOf("context.emit({ value: { hour: new Date().getHours() } });")),
  );
  const records = [1, 2, 3].map((n) => ({ value: { n } }));
  const options = { records, times: true };
  const error = await assertRejects(() => explore(url, options), ExplorationFailed);
  assertEquals([error.field, error.record?.startsWith("records/0@")], ["output[0].hour", true]);
  assertStringIncludes(error.message, "time between records");
});

Deno.test("4. a merge that depends on which stream was faster: found by mixing partitions, with record and field", async () => {
  await using folder = new TestFolder();
  const body = `if (value.price !== undefined) context.state.set("price", value.price);
    else context.emit({ value: { amount: value.n * (context.state.get<number>("price") ?? 0) } });`;
  const url = pathToFileURL(folder.write("p.ts", scriptOf(body)));
  const records = [{ value: { price: 2 }, partition: "prices" }, { value: { n: 3 }, partition: "orders" }];
  const error = await assertRejects(() => explore(url, { records, orders: true }), ExplorationFailed);
  assertEquals([error.field, error.record], ["output[0].amount", "records/orders@0"]);
});

Deno.test("5. an effect whose answer changed: named with its input and both answers, cause effect", async () => {
  await using folder = new TestFolder();
  folder.write(
    "p.ts",
    scriptOf("context.emit({ value: { price: await context.effect('price', value.n) } });", { isAsync: true }),
  );
  folder.write("in.ndjson", LINES.join(""));
  folder.write("effects.ts", "export const price = (n: number) => n * 2;");
  const { code, stderr } = await runCli([...RUN, "--effects", "effects.ts"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  folder.write("now.ts", "export const price = (n: number) => n === 21 ? 99 : n * 2;");
  const { offset, field, cause, recorded, replayed } = await firstDivergence(folder, ["--effects", "now.ts"]);
  assertEquals([offset, field, cause, recorded, replayed], [offsetOf(11), "effect price(21)", "effect", "42", "99"]);
});

Deno.test("6. a library that was upgraded: the module is named, cause code", async () => {
  await using folder = await (async () => {
    const folder = new TestFolder();
    folder.write("lib/round.ts", "export const round = (n: number) => Math.round(n);");
    folder.write(
      "p.ts",
      `import { round } from "./lib/round.ts";\n${scriptOf("context.emit({ value: { half: round(value.n / 2) } });")}`,
    );
    folder.write("in.ndjson", LINES.join(""));
    assertEquals((await runCli(RUN, { cwd: folder.path })).code, 0);
    return folder;
  })();
  folder.write("lib/round.ts", "export const round = (n: number) => Math.floor(n);");
  const { offset, field, cause, because, recorded, replayed } = await firstDivergence(folder, ["--with", "p.ts"]);
  assertEquals([offset, field, cause, recorded, replayed], [offsetOf(1), "output[0].half", "code", 6, 5]);
  assertEquals(because, "lib/round.ts differs");
});

Deno.test("7. changed configuration: both values are named, cause config", async () => {
  await using folder = new TestFolder();
  const script = scriptOf("context.emit({ value: { tax: value.n * parameters().rate } });");
  folder.write("p.ts", script.replace("import { ", "import { parameters, "));
  folder.write("in.ndjson", LINES.join(""));
  assertEquals((await runCli([...RUN, "--set", "rate=2"], { cwd: folder.path })).code, 0);
  const { offset, field, cause, because } = await firstDivergence(folder, ["--with", "p.ts", "--set", "rate=3"]);
  assertEquals([offset, field, cause], [offsetOf(0), "output[0].tax", "config"]);
  for (const text of ['{"rate":2}', '{"rate":3}']) assertStringIncludes(because, text);
});

Deno.test("8. edited input: the record is named, cause input", async () => {
  await using folder = await recorded();
  folder.write("in.ndjson", folder.read("in.ndjson").replace('"n":19,', '"n":91,'));
  const { offset, field, cause } = await firstDivergence(folder);
  assertEquals([offset, field, cause], [offsetOf(9), "input", "input"]);
});

Deno.test("9. a Math function of another build: the change of the environment is named, cause environment", async () => {
  await using folder = await recorded();
  // As if recorded where cbrt gave another last bit: other digests for one record, and another probe of Math.
  forge(
    folder,
    "epochs",
    "epoch = 0",
    "environment",
    (json) => JSON.stringify({ ...JSON.parse(json), math: "0".repeat(32), v8: "14.0" }),
  );
  forge(folder, "unit_digests", "seq = 1", "digests", (cell) => {
    const bytes = (cell as unknown as Uint8Array).slice();
    bytes[4 * 2] ^= 1;
    return bytes;
  });
  const { offset, field, cause, because } = await firstDivergence(folder);
  assertEquals([offset, field, cause], [offsetOf(6), "output[0]", "environment"]);
  assertMatch(because, /v8 14\.0 → .*, math functions give other bits/);
});

Deno.test("10. a trimmed source: the feed that is gone and those that are left are named, cause input", async () => {
  await using folder = await recorded();
  const bytes = folder.read("in.ndjson");
  folder.write("in.ndjson", bytes.slice(0, LINES[0].length * 14));
  const { field, cause, because, replayed } = await firstDivergence(folder);
  assertEquals([field, cause], ["input", "input"]);
  assertStringIncludes(String(replayed), "feed 3");
  assertStringIncludes(because, "--capture all keeps inputs");
});

Deno.test("11. a state key that is lost: key and values are named, cause code", async () => {
  const { offset, field, cause, recorded, replayed } = await tried((script) =>
    script.replace("context.state.set(value.who, sum);", "if (value.n !== 16) context.state.set(value.who, sum);")
  );
  assertEquals([offset, field, cause], [offsetOf(6), 'state["w0"]', "code"]);
  assertEquals([recorded, replayed], ["state set w0 = 39", null]);
});

Deno.test("12. a timer that is off by one: timer and both times are named, cause code", async () => {
  const { offset, field, cause, recorded, replayed } = await tried((script) =>
    script.replace("now + 1000", "now + (value.n > 12 ? 1001 : 1000)")
  );
  assertEquals([offset, field, cause], [offsetOf(3), 'timer["close:w0"]', "code"]);
  assertEquals(Number(replayed) - Number(recorded), 1);
});
