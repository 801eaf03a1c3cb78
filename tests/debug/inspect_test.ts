/** Recorded feeds under a debugger: stopped before the right record, in the user's own file, and still what was recorded. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { inspectorUrl, TestDebugger } from "../support/debugger.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const PROCESSOR = `import { defineProcessor, json } from "@sluice/sluice/processor";

interface Order { n: number; who: string }

export default defineProcessor({
  name: "test",
  input: json<Order>(),
  output: json<unknown>(),
  async process({ value }, { state, emit, effect, uuid }) {
    const sum = (state.get<number>(value.who) ?? 0) + value.n;
    const price = await effect<number>("price", value.n);
    state.set(value.who, sum);
    if (value.n === FAILS) throw new RangeError("unlucky");
    emit({ value: { sum, price, id: uuid(), at: new Date().toISOString(), chance: Math.random() } });
  },
});
`;

async function recorded(failsAt = -1): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", PROCESSOR.replace("FAILS", String(failsAt)));
  folder.write("effects.ts", "export const price = (n: number) => n * 2 + Math.random();");
  folder.write("in.ndjson", Array.from({ length: 20 }, (_, n) => `{"n":${n},"who":"w${n % 3}"}\n`).join(""));
  const run = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];
  await runCli([...run, "--effects", "effects.ts"], { cwd: folder.path });
  return folder;
}

/** Starts a command that waits for a debugger; checks where it stops. */
async function debugged(folder: TestFolder, args: readonly string[], look: (debug: TestDebugger) => Promise<void>) {
  const child = spawnCli(["replay", "test", "--inspect", "127.0.0.1:0", ...args], { cwd: folder.path });
  const { url, rest } = await inspectorUrl(child.stderr);
  const debug = await TestDebugger.attach(url);
  await look(debug);
  await debug.resume();
  await child.stdin.close();
  await child.stdout.cancel();
  return { code: (await child.status).code, stderr: await rest };
}

Deno.test("a debugger stops before the record that was asked for, process() is what comes next, and the digests are the recorded ones", async () => {
  await using folder = await recorded();
  const { code, stderr } = await debugged(folder, ["--break", "in.ndjson/0@190"], async (debug) => {
    const stop = await debug.paused();
    assertEquals(debug.sourceOf(stop), "sluice:stop.js");
    let inside = await debug.stepInto();
    // Debuggers skip Sluice's own files by themselves: the source map lists them as to be ignored.
    while (!debug.sourceOf(inside).startsWith("p.ts")) inside = await debug.stepInto();
    assertMatch(debug.sourceOf(inside), /^p\.ts:(9|10)$/);
    assertEquals(await debug.evaluate(inside, "JSON.stringify(value)"), '{"n":10,"who":"w1"}');
  });
  assertEquals(code, 0, stderr);
  assertStringIncludes(stderr, "their digests are those that were recorded");
});

Deno.test("a debugger stops before the record that halted a run, with its state and effects", async () => {
  await using folder = await recorded(10);
  const look = async (debug: TestDebugger) => {
    await debug.paused();
    const inside = await debug.stepInto();
    assertEquals(await debug.evaluate(inside, "String(record.offset)"), "190");
  };
  const { code, stderr } = await debugged(folder, ["--failed"], look);
  assertEquals(code, 0, stderr);
});

Deno.test("a logpoint prints an expression at a line of the user's file, for each record, without touching the code", async () => {
  await using folder = await recorded();
  const args = ["--feeds", "2..3", "--log", "sum", "--at", "p.ts:12", "--log", "nothing.at.all", "--at", "p.ts:12"];
  const { code, stdout, stderr } = await runCli(["replay", "test", ...args, "--json"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  const lines = stdout.trim().split("\n").map((line) => JSON.parse(line));
  const sums = lines.filter(({ expression }) => expression === "sum").map(({ value }) => value);
  assertEquals(sums, [8, 9, 10, 11].map((n) => String(sumAfter(n))));
  assertStringIncludes(lines.find(({ expression }) => expression !== "sum").value, "ReferenceError");
  assertStringIncludes(stderr, "their digests are those that were recorded");
});

Deno.test("a logpoint where no code is, or half of one, is refused in a sentence", async () => {
  await using folder = await recorded();
  const cases: readonly (readonly [args: readonly string[], code: number, says: string])[] = [
    [["--log", "x", "--at", "p.ts:2"], 1, "the recorded code has nothing there; its files are"],
    [["--log", "x", "--at", "q.ts:9"], 1, "the recorded code has nothing there; its files are"],
    [["--log", "x"], 2, "one --at file.ts:line for each"],
    [["--log", "x", "--at", "p.ts"], 2, "file.ts:line is wanted"],
    [["--break", "orders/0@1", "--inspect"], 2, "Cannot inspect"],
  ];
  for (const [args, code, says] of cases) {
    const result = await runCli(["replay", "test", ...args], { cwd: folder.path });
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
    assert(!result.stderr.includes("    at "), result.stderr);
  }
});

/** What the sum of its group is once record `n` was added. */
function sumAfter(n: number): number {
  return n < 3 ? n : n + sumAfter(n - 3);
}

Deno.test("a logpoint in what runs before the first record says so in the place of one", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });", { extra: "onStart() {\nmoduleCounter++;\n}," }));
  folder.write("in.ndjson", "1\n");
  await runCli(["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end"], { cwd: folder.path });
  const args = ["replay", "test", "--log", "moduleCounter", "--at", "p.ts:7"];
  const { code, stdout, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals([code, stdout], [0, "before the first record  p.ts:7  moduleCounter = 0\n"], stderr);
});
