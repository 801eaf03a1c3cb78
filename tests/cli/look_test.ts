/** Looking at what was recorded: state in time, where an output comes from, what a record did, one step after the other. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const BODY = `const price = await context.effect("price", value.n);
  const sum = (context.state.get<number>(value.who) ?? 0) + value.n;
  if (value.n === FAILS) throw new RangeError("unlucky");
  if (value.n === 9) context.state.delete("w0"); else context.state.set(value.who, sum);
  context.timers.set("t:" + value.who, context.now + 60000);
  context.emit({ key: value.who, value: { who: value.who, sum, price } });`;
const LINES = Array.from({ length: 20 }, (_, n) => `{"n":${n},"who":"w${n % 3}"}\n`);
const at = (n: number) => `in.ndjson/0@${LINES.slice(0, n).join("").length}`;

async function recorded(failsAt = -1): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("p.ts", scriptOf(BODY.replace("FAILS", String(failsAt)), { isAsync: true }));
  folder.write("in.ndjson", LINES.join(""));
  folder.write("effects.ts", "export const price = (n: number) => n * 100;");
  const run = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];
  await runCli([...run, "--effects", "effects.ts"], { cwd: folder.path });
  return folder;
}

async function sluice(folder: TestFolder, args: readonly string[], stdin?: string) {
  return await runCli(args, { cwd: folder.path, ...(stdin === undefined ? {} : { stdin }) });
}

Deno.test("state is shown after a feed, after a record, now; by key, by prefix, with timers", async () => {
  await using folder = await recorded();
  const state = async (...args: string[]) => (await sluice(folder, ["state", "test", ...args])).stdout;
  assertMatch(await state("--at", "0"), /^w0\t3\nw1\t1\nw2\t2\ntimer t:w0\t\d{4}-/);
  assertEquals(await state("--at", at(1), "--prefix", "w"), "w0\t0\nw1\t1\n");
  assertEquals(await state("--at", at(8), "--key", "w0"), "w0\t9\n");
  assertEquals(await state("--at", at(9), "--key", "w0"), "");
  assertEquals(JSON.parse(await state("--key", "w1", "--json")), { key: "w1", value: 70 });
});

Deno.test("what changed between two moments is shown, and every change of one key with its record", async () => {
  await using folder = await recorded();
  const { stdout } = await sluice(folder, ["state", "test", "--diff", "1..2"]);
  assertEquals(stdout, "w0\t9\t(none)\nw1\t12\t22\nw2\t7\t26\n");
  const history = await sluice(folder, ["state", "test", "--history", "w0"]);
  const lines = history.stdout.trim().split("\n");
  assertEquals(lines.slice(0, 5), [
    `feed 0\t${at(0)}\t0`,
    `feed 0\t${at(3)}\t3`,
    `feed 1\t${at(6)}\t9`,
    `feed 2\t${at(9)}\t(deleted)`,
    `feed 3\t${at(12)}\t12`,
  ]);
});

Deno.test("an output leads back to its record, what that read and who had written it, effects and code", async () => {
  await using folder = await recorded();
  for (const output of ["1#3", "@7", '{"who":"w1","sum":12}']) {
    const { code, stdout, stderr } = await sluice(folder, ["why", "test", output]);
    assertEquals(code, 0, stderr);
    for (const text of [at(7), "feed 1", "w1 = 5", `written by ${at(4)}`, "price(7) → 700", "p.ts", '"sum":12']) {
      assertStringIncludes(stdout, text);
    }
  }
  const last = await sluice(folder, ["why", "test", '{"who":"w2"}', "--last", "--json"]);
  assertEquals(JSON.parse(last.stdout).alike, 5);
  const none = await sluice(folder, ["why", "test", '{"who":"nobody"}']);
  assertEquals([none.code, none.stderr.trim()], [1, 'No output of run test is {"who":"nobody"}']);
});

Deno.test("a record leads on to its outputs, keys, timers and effects", async () => {
  await using folder = await recorded();
  const { stdout } = await sluice(folder, ["impact", "test", at(9), "--json"]);
  const story = JSON.parse(stdout);
  assertEquals(story.did.map(({ kind, subject }: { kind: string; subject: string }) => [kind, subject]), [
    ["state deleted", "w0"],
    ["timer set", "t:w0"],
  ]);
  assertEquals([story.outputs.length, story.effects[0].text], [1, "900"]);
  const wrong = await sluice(folder, ["impact", "test", "in.ndjson/7@0"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, "its partitions are in.ndjson/0");
});

Deno.test("a session steps forwards and backwards, watches a key, goes on until a condition holds", async () => {
  await using folder = await recorded();
  const commands = ["n", "w w1", "c value.n >= 7", "s w1", "p", "o", "e", `g ${at(9)}`, "s", "g 99", "c ((", "q"].join(
    "\n",
  );
  const { code, stdout, stderr } = await sluice(folder, ["replay", "test", "--step"], commands);
  assertEquals(code, 0, stderr);
  const lines = stdout.split("\n");
  assertStringIncludes(lines[0], at(0));
  assertStringIncludes(lines[1], at(1));
  assertStringIncludes(lines[2], at(7));
  assertEquals(lines.slice(3, 5), ["  w1: 1 → 12", "  w1 = 12"]);
  assertStringIncludes(lines[5], at(6));
  assertEquals(lines.slice(6, 9), [
    "  w1: 12 → 5",
    '  default  w0  {"who":"w0","sum":9,"price":600}',
    "  price(6) → 600",
  ]);
  assertStringIncludes(lines[9], at(9));
  assertEquals(lines.slice(-3), ["  w1 = 12", "  w2 = 15", ""]);
  assertStringIncludes(stderr, "Cannot find feed 99");
});

Deno.test("a session over a run that halted ends with the record that halted it, and begins there with --failed", async () => {
  await using folder = await recorded(13);
  const { stdout } = await sluice(folder, ["replay", "test", "--step"], "c error\ne\nn\n");
  const [, halted, effect] = stdout.split("\n");
  assertMatch(halted, /feed 4 .*failed: RangeError/);
  assertStringIncludes(halted, at(13));
  assertEquals(effect, "  price(13) → 1300");
  const failed = await sluice(folder, ["replay", "test", "--step", "--failed"], "q\n");
  assertStringIncludes(failed.stdout, at(13));
});

Deno.test("feeds are selected by time, in UTC, and a time that is none is refused", async () => {
  await using folder = await recorded();
  const replay = async (...args: string[]) => {
    const { stdout, stderr } = await sluice(folder, ["replay", "test", "--json", ...args]);
    return stdout === "" ? stderr : JSON.parse(stdout).feeds;
  };
  assertEquals(await replay("--since", "2020-01-01"), 6);
  assertEquals(await replay("--since", "2099-01-01T00:00"), 0);
  assertEquals(await replay("--until", String(Date.now() - 3_600_000)), 0);
  assertStringIncludes(await replay("--since", "yesterday"), "it is no time");
});

Deno.test("a moment at which no record begins is refused, in place of a state that is not the one asked for", async () => {
  await using folder = await recorded();
  const { code, stdout, stderr } = await sluice(folder, ["state", "test", "--at", `${at(7)}1`]);
  assertEquals([code, stdout], [1, ""]);
  assertStringIncludes(stderr, "Cannot find");
  const inside = await sluice(folder, [
    "state",
    "test",
    "--at",
    at(7).replace(/\d+$/, (digits) => String(Number(digits) + 1)),
  ]);
  assertEquals([inside.code, inside.stdout], [1, ""]);
  assertStringIncludes(inside.stderr, "no record begins there");
});

Deno.test("times that no date can be, as of a timer for never, are shown as what they are", async () => {
  await using folder = new TestFolder();
  const body = `context.timers.set("never", Number.MAX_SAFE_INTEGER); if (value > 1) throw new Error("late");`;
  const processor = folder.write("p.ts", scriptOf(body));
  const records = [1, 2].map((value) => ({ value: String(value), eventTimeMs: 1.7e18 + value * 1024 }));
  await runProcessor({
    processor,
    name: "far",
    journal: folder.at(".sluice/journal.db"),
    from: { default: new MemorySource("lines", { "0": records }) },
    to: { default: new MemorySink() },
    onError: "dead-letter",
    capture: "all",
  });
  const shown = async (...args: string[]) => {
    const { code, stdout, stderr } = await sluice(folder, args, "r\nt\nq\n");
    assertEquals(code, 0, stderr);
    return stdout;
  };
  assertEquals(await shown("state", "far"), "timer never\t9007199254740991 ms\n");
  assertStringIncludes(await shown("deadletters", "show", "far", "1"), "\ntime: 1700000000000002000 ms\n");
  const stepped = await shown("replay", "far", "--step");
  assertStringIncludes(stepped, "event time 1700000000000001000 ms");
  assertStringIncludes(stepped, "never at 9007199254740991 ms");
});

const CLOCK_BODY = `const { emit, timers, now } = context;
  timers.set("soon", now + 1500);
  timers.set("gone", now - 5000);
  emit({ value: { what: "record", now } });`;
const CLOCK_HOOKS = `onStart({ emit, now }) { emit({ value: { what: "start", now } }); },
  onTimer({ key }, { emit, now }) { emit({ value: { what: key, now } }); },
  onEnd({ emit, now }) { emit({ value: { what: "end", now } }); },`;

for (const clock of ["feed", "event"]) {
  Deno.test(`why, impact and step show the time that a unit saw, whatever it is, with --clock ${clock}`, async () => {
    await using folder = new TestFolder();
    const times = [5000, 9000, 7000, 10000, 10001, 30000];
    folder.write("in.ndjson", times.map((time, n) => `{"n":${n},"at":${time}}\n`).join(""));
    folder.write("p.ts", scriptOf(CLOCK_BODY, { extra: CLOCK_HOOKS }));
    const ends = ["--from", "file:in.ndjson?time=at", "--to", "out.ndjson", "--until-end", "--feed-records", "4"];
    assertEquals((await sluice(folder, ["run", "p.ts", ...ends, "--clock", clock])).code, 0);
    const outputs = folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line));
    for (const [index, { what, now }] of outputs.entries()) {
      const { stdout } = await sluice(folder, ["why", "test", `@${index}`, "--json"]);
      assertEquals([what, JSON.parse(stdout).timeMs], [what, now]);
    }
    const { stdout } = await sluice(folder, ["replay", "test", "--step"], "r\nn\n".repeat(outputs.length));
    for (const { now } of outputs) assertStringIncludes(stdout, `time ${new Date(now).toISOString()}`);
  });
}
