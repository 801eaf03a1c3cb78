/**
 * kill -9 at every step of a feed's life and at random moments, file to file: outputs, state and digests equal those of
 * a run that was never killed (M1, M2, M7, M11).
 */

import { assert, assertEquals } from "@std/assert";
import { Database } from "../../controller/journal/database.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { outputOrKilledAfter, runCli, spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RECORDS = 4000;
const FEED_RECORDS = 500;
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261124);

const SCRIPT = scriptOf(
  `const n = (context.state.get<number>(value.customer) ?? 0) + value.cents;
   context.state.set(value.customer, n);
   if (value.cents % 10 === 0) context.timers.set(value.customer, value.time + 500);
   context.emit({ key: value.customer, value: { customer: value.customer, n, id: context.uuid(), at: new Date().toISOString() } });`,
  { extra: `onTimer({ key, atMs }, context) { context.emit({ value: { timer: key, atMs } }); },` },
);

function orders(count: number): string {
  let lines = "";
  for (let i = 0; i < count; i++) {
    lines += JSON.stringify({ customer: `c${i * 7 % 50}`, cents: i * 31 % 997, time: 1_700_000_000_000 + i * 10 }) +
      "\n";
  }
  return lines;
}

const ARGS = ["run", "p.ts", "--from", "file:orders.ndjson?time=time", "--to", "out.ndjson", "--until-end"]
  .concat(["--clock", "event", "--feed-records", String(FEED_RECORDS), "--json"]);

interface Outcome {
  readonly output: string;
  readonly digest: string;
  readonly state: string;
}

async function prepare(): Promise<TestFolder> {
  const folder = new TestFolder();
  folder.write("orders.ndjson", orders(RECORDS));
  folder.write("p.ts", SCRIPT);
  return await Promise.resolve(folder);
}

function outcomeOf(folder: TestFolder): Outcome {
  const journal = SqliteJournal.openReader(folder.at(".sluice/journal.db"));
  const [task] = journal.tasks(journal.run("test")!);
  const taskJournal = journal.task(task);
  const last = taskJournal.lastFeed()!;
  const state = new Map<string, string>();
  for (const part of taskJournal.stateBefore(last.seq + 1)) {
    for (const [space, { text, lengths }] of Object.entries(part)) {
      let at = 0;
      for (let i = 0; i < lengths.length; i += 2) {
        const key = `${space}:${text.slice(at, at += lengths[i])}`;
        if (lengths[i + 1] < 0) state.delete(key);
        else state.set(key, text.slice(at, at += lengths[i + 1]));
      }
    }
  }
  journal.close();
  return { output: folder.read("out.ndjson"), digest: last.chain.toHex(), state: JSON.stringify([...state].sort()) };
}

async function uncrashed(): Promise<Outcome> {
  await using folder = await prepare();
  const { code, stderr } = await runCli(ARGS, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  return outcomeOf(folder);
}

const expected = await uncrashed();

Deno.test("killed after every step of a feed's life, a run ends as if it had never been killed", async () => {
  for (const step of ["sealed", "processed", "prepared", "committed", "settled"]) {
    for (const seq of [0, 3, 8]) {
      await using folder = await prepare();
      const crashed = await runCli(ARGS, { cwd: folder.path, crashAt: `${step}:${seq}` });
      assertEquals(crashed.signal, "SIGKILL", `${step}:${seq} was never reached: ${crashed.stderr}`);
      const { code, stdout, stderr } = await runCli(ARGS, { cwd: folder.path });
      assertEquals([code, stderr], [0, ""], `${step}:${seq}`);
      assertEquals(JSON.parse(stdout).resumed, true);
      assertEquals(outcomeOf(folder), expected, `${step}:${seq}`);
    }
  }
});

Deno.test("killed again and again at random moments, a run ends as if it had never been killed", async () => {
  console.log(`seed ${SEED}`);
  let seed = SEED;
  const random = () => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
  await using folder = await prepare();
  let kills = 0;
  for (let attempt = 0; attempt < 40; attempt++) {
    const child = spawnCli(ARGS, { cwd: folder.path });
    const { code, signal } = await outputOrKilledAfter(child, 60 + random() * 160);
    if (signal === null) {
      assertEquals(code, 0);
      break;
    }
    kills++;
  }
  const { code, stderr } = await runCli(ARGS, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  assert(kills > 0, "no run was killed");
  assertEquals(outcomeOf(folder), expected);
});

Deno.test("what a torn write left behind the committed length is written again with the same bytes", async () => {
  await using folder = await prepare();
  await runCli(ARGS, { cwd: folder.path, crashAt: "prepared:4" });
  const length = Deno.statSync(folder.at("out.ndjson")).size;
  const file = Deno.openSync(folder.at("out.ndjson"), { append: true });
  file.writeSync(new TextEncoder().encode(expected.output.slice(length, length + 777)));
  file.close();
  const { code, stderr } = await runCli(ARGS, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  assertEquals(outcomeOf(folder), expected);
});

Deno.test("the sqlite3 shell reads the journal while it is open for writing", async () => {
  await using folder = await prepare();
  await runCli(ARGS, { cwd: folder.path });
  const writer = new Database(folder.at(".sluice/journal.db"));
  const { stdout, code } = await new Deno.Command("sqlite3", {
    args: ["-readonly", folder.at(".sluice/journal.db"), "SELECT sum(records) FROM feeds"],
  }).output();
  writer.close();
  assertEquals([code, new TextDecoder().decode(stdout)], [0, `${RECORDS}\n`]);
});
