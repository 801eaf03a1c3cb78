/** kill -9 while a snapshot is being taken, and between an effect and the outputs that follow from it. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const COUNTS = scriptOf(
  `const who = value.i % 70;
   const n = (context.state.get<number>("k" + who) ?? 0) + 1;
   context.state.set("k" + who, n);
   context.emit({ value: { who, n } });`,
);
const recordsUpTo = (count: number) => Array.from({ length: count }, (_, i) => `{"i":${i},"at":${i}}\n`).join("");
const ARGS = ["run", "p.ts", "--from", "file:in.ndjson?time=at", "--to", "out.ndjson", "--until-end"]
  .concat(["--clock", "event", "--feed-records", "5", "--quiet"]);
// Seventy keys in parts of fifteen: a snapshot takes six feeds, every twenty feeds or so.
const env = { SLUICE_TEST_LIMITS: JSON.stringify({ snapshotFeedsMin: 20, snapshotEntriesPerFeed: 15 }) };

interface Outcome {
  readonly output: string;
  readonly chain: string;
  readonly snapshots: number;
}

function outcomeOf(folder: TestFolder): Outcome {
  const journal = SqliteJournal.openReader(folder.at(".sluice/journal.db"));
  const [task] = journal.tasks(journal.run("test")!);
  const chain = journal.task(task).lastFeed()!.chain.toHex();
  const snapshots = journal.database.number("SELECT count(*) FROM snapshots WHERE is_last = 1")!;
  journal.close();
  return { output: folder.read("out.ndjson"), chain, snapshots };
}

async function runCrashing(crashAt: string): Promise<Outcome> {
  await using folder = new TestFolder();
  folder.write("p.ts", COUNTS);
  folder.write("in.ndjson", recordsUpTo(600));
  const cwd = folder.path;
  const first = await runCli(ARGS, { cwd, env, crashAt });
  if (crashAt === "never") assertEquals([first.code, first.stderr], [0, ""]);
  else {
    assertEquals(first.signal, "SIGKILL", `${crashAt} was never reached: ${first.stderr}`);
    const resumed = await runCli(ARGS, { cwd, env, crashAt: "never" });
    assertEquals([resumed.code, resumed.stderr], [0, ""], crashAt);
  }
  const replay = await runCli(["replay", "test"], { cwd });
  assertEquals(replay.code, 0, `${crashAt}: ${replay.stderr}`);
  return outcomeOf(folder);
}

Deno.test("killed while a snapshot is being taken, a run ends as if it had never been killed, and replays", async () => {
  const expected = await runCrashing("never");
  assert(expected.snapshots >= 3, `${expected.snapshots} snapshots`);
  for (const crashAt of ["prepared:19", "committed:20", "prepared:21", "settled:22", "prepared:24", "committed:25"]) {
    const { output, chain, snapshots } = await runCrashing(crashAt);
    assertEquals([output, chain], [expected.output, expected.chain], crashAt);
    assert(snapshots >= 2, `${crashAt}: ${snapshots} snapshots`);
  }
});

const ASKS = scriptOf(
  `const price = await context.effect("price", value.i); context.emit({ value: { value: value.i, price } });`,
  { isAsync: true },
);
// Every call appends a line, so what was asked, and how often, survives the kill.
const HANDLERS = `export function price(value) {
  Deno.writeTextFileSync("calls.txt", value + "\\n", { append: true });
  return Deno.readTextFileSync("calls.txt").split("\\n").length;
}
`;

Deno.test("an effect whose answer is journaled is not asked for again, and its answer is what the outputs show", async () => {
  for (const crashAt of ["prepared:2", "committed:2"]) {
    await using folder = new TestFolder();
    const cwd = folder.path;
    folder.write("p.ts", ASKS);
    folder.write("handlers.ts", HANDLERS);
    folder.write("in.ndjson", recordsUpTo(30));
    const args = [...ARGS, "--effects", "handlers.ts"];
    assertEquals((await runCli(args, { cwd, crashAt })).signal, "SIGKILL");
    const journaled = callsOfJournal(folder);
    const { code, stderr } = await runCli(args, { cwd });
    assertEquals([code, stderr], [0, ""], crashAt);
    const calls = folder.read("calls.txt").trim().split("\n").map(Number);
    for (const value of journaled) {
      assertEquals(calls.filter((call) => call === value).length, 1, `${crashAt}: ${value}`);
    }
    const outputs = folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(outputs.map(({ value }) => value), Array.from({ length: 30 }, (_, i) => i));
    // The answer is how many calls there had been, so an answer that was made up again would differ.
    for (const { value, price } of outputs) assertEquals(calls[price - 2], value, `${crashAt}: ${value}`);
    assertEquals((await runCli(["replay", "test"], { cwd })).code, 0, crashAt);
  }
});

/** The inputs of the effects in feeds that were prepared. */
function callsOfJournal(folder: TestFolder): number[] {
  const journal = SqliteJournal.openReader(folder.at(".sluice/journal.db"));
  const [task] = journal.tasks(journal.run("test")!);
  const taskJournal = journal.task(task);
  const last = taskJournal.lastFeed()!.seq;
  const calls: number[] = [];
  for (let seq = 0; seq <= last; seq++) {
    calls.push(...taskJournal.effects(seq).map(({ inputJson }) => Number(inputJson)));
  }
  journal.close();
  assert(calls.length > 0);
  return calls;
}

Deno.test("a record that was given up is not run again by the start after a crash", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("if (value.hangs) for (;;); context.emit({ value });"));
  folder.write("in.ndjson", '{"hangs":true}\n{"i":1}\n');
  const args = [
    "run",
    "p.ts",
    "--from",
    "file:in.ndjson",
    "--to",
    "out.ndjson",
    "--until-end",
    "--name",
    "job",
    "--quiet",
  ]
    .concat(["--on-error", "dead-letter", "--record-timeout", "1", "--feed-records", "1"]);
  const crashed = await runCli(args, { cwd: folder.path, crashAt: "prepared:0" });
  assertNotEquals(crashed.code, 0);
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals([code, stderr, folder.read("out.ndjson")], [0, "", '{"i":1}\n']);
  const letters = await runCli(["deadletters", "ls", "job"], { cwd: folder.path });
  assertEquals(letters.stdout.trim().split("\n").length, 1);
});
