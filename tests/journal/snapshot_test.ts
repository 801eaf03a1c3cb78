/** Snapshots are taken while feeds go on; what is pruned behind them is not needed by what is left. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { FileSource } from "../../adapters/file/source.ts";
import { pruneRun } from "../../controller/journal/prune.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { verifyJournal } from "../../controller/journal/verify.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

Deno.test("a realm is reborn once per snapshot, and a pruned run replays and goes on from its snapshot", async () => {
  await using folder = new TestFolder();
  const script = folder.write(
    "p.ts",
    scriptOf(
      "const n = (context.state.get<number>('k' + value % 40) ?? 0) + 1; context.state.set('k' + value % 40, n); context.emit({ value: n });",
    ),
  );
  const path = folder.write("in.ndjson", Array.from({ length: 300 }, (_, i) => `${i}\n`).join(""));
  const sink = new MemorySink();
  const run = async () => {
    const source = new FileSource({
      path,
      isBounded: true,
      fields: { key: undefined, time: undefined },
      recordBytesMax: 1 << 20,
    });
    const limits = { feedRecordsMax: 2, snapshotFeedsMin: 20, snapshotEntriesPerFeed: 15 };
    const options = { processor: script, journal: folder.at("j.db"), uris: { default: `file:${path}` }, limits };
    const { failures } = await runProcessor({ ...options, from: { default: source }, to: { default: sink } });
    assertEquals(failures, []);
    await source.close();
  };
  await run();
  const journal = await SqliteJournal.open(folder.at("j.db"));
  const [task] = journal.tasks(journal.run("test")!);
  const births = [...journal.task(task).feeds(0, Infinity)].filter(({ isReborn }) => isReborn).map(({ seq }) => seq);
  const snapshots = journal.database.number("SELECT count(*) FROM snapshots WHERE is_last = 1")!;
  assert(snapshots >= 2, `${snapshots} snapshots`);
  assertEquals(births.length, snapshots + 1);
  const [{ feedsPruned, firstFeed }] = pruneRun(journal, journal.run("test")!, 40, 0);
  assert(feedsPruned > 20, `${feedsPruned} feeds pruned`);
  assertEquals(verifyJournal(journal).problems, []);
  journal.close();
  const replayed = await runCli(["replay", "test", "--journal", "j.db", "--json"], { cwd: folder.path });
  assertEquals(replayed.code, 0, replayed.stderr);
  assertEquals(JSON.parse(replayed.stdout).feeds, 151 - firstFeed);
  const pruned = await runCli(["replay", "test", "--journal", "j.db", "--feeds", "0..2"], { cwd: folder.path });
  assertMatch(pruned.stderr, /Cannot replay feeds before \d+ of task 0: they were pruned/);
  Deno.writeTextFileSync(path, "300\n301\n", { append: true });
  await run();
  assertEquals(sink.outputs.slice(-2).map(({ value }) => value), ["8", "8"]);
});

Deno.test("a snapshot that begins while copies for the one before are under way holds the whole state", async () => {
  await using folder = new TestFolder();
  const body =
    "const n = (context.state.get<number>('k') ?? 0) + 1; context.state.set('k', n); context.emit({ value: n });";
  const script = folder.write("p.ts", scriptOf(body));
  const limits = { feedRecordsMax: 1, snapshotFeedsMin: 1, feedsInFlightMax: 3 };
  // Every number of feeds: which copies are under way at the end differs.
  for (let records = 1; records <= 12; records++) {
    const sink = new MemorySink();
    const options = { processor: script, journal: folder.at(`${records}.db`), limits, to: { default: sink } };
    for (const there of [records, records + 1]) {
      const source = new MemorySource("numbers", { "0": Array.from({ length: there }, () => ({ value: "0" })) });
      assertEquals((await runProcessor({ ...options, from: { default: source } })).failures, []);
    }
    assertEquals(sink.outputs.at(-1)!.value, String(records + 1));
  }
});
