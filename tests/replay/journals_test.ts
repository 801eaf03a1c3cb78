/** I10: journals of every released format, recorded once, are replayed for ever; each with the code that it recorded. */

import { assertEquals } from "@std/assert";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { verifyJournal } from "../../controller/journal/verify.ts";
import { MIGRATIONS } from "../../controller/journal/schema.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";

const FOLDER = fileURLToPath(new URL("./journals", import.meta.url));

/** Version and what it holds → feeds and records of its run. */
const RECORDED: Readonly<Record<string, readonly [feeds: number, records: number]>> = {
  v1_totals: [7, 50],
  // A Kinesis stream that was split and merged, its inputs captured: tasks that go on for others, and owners of state.
  v2_resharded: [11, 60],
  // Operators with groups of state, event timers, dead letters, chance.
  v2_pipeline: [15, 131],
};

Deno.test("every version of the format has a recorded journal", () => {
  const versions = new Set(Object.keys(RECORDED).map((name) => Number(/^v(\d+)_/.exec(name)![1])));
  assertEquals([...versions], MIGRATIONS.map((_, i) => i + 1));
  assertEquals([...Deno.readDirSync(FOLDER)].map(({ name }) => name).sort(), Object.keys(RECORDED).sort());
});

for (const [name, recorded] of Object.entries(RECORDED)) {
  const recordedPath = join(FOLDER, name, "journal.db");

  Deno.test(`journal ${name} is sound and replays without a divergence other than of the environment`, async () => {
    await replays(SqliteJournal.openReader(recordedPath), recorded);
  });

  Deno.test(`journal ${name} is one file, and its code names no place of whoever recorded it`, () => {
    const journal = SqliteJournal.openReader(recordedPath);
    const maps = journal.database.number(
      "SELECT count(*) FROM code WHERE json_array_length(source_map, '$.sources') > 0",
    );
    journal.close();
    assertEquals(maps, 0);
    assertEquals([...Deno.readDirSync(join(FOLDER, name))].filter((file) => /^journal\.db./.test(file.name)), []);
  });

  Deno.test(`journal ${name} becomes one of today when a run goes on with it, and replays as before`, async () => {
    await using folder = new TestFolder();
    Deno.copyFileSync(recordedPath, folder.at("journal.db"));
    const journal = await SqliteJournal.open(folder.at("journal.db"));
    assertEquals(journal.database.version, MIGRATIONS.length);
    await replays(journal, recorded);
  });
}

async function replays(journal: SqliteJournal, recorded: readonly [feeds: number, records: number]): Promise<void> {
  const { path } = journal;
  const [run] = journal.runs();
  assertEquals(verifyJournal(journal).problems, []);
  journal.close();
  const { stdout, stderr } = await runCli(["replay", run.name, "--journal", path, "--json"]);
  const report = JSON.parse(stdout) as { feeds: number; records: number; divergences: { cause: string }[] };
  assertEquals(report.divergences.filter(({ cause }) => cause !== "environment"), [], stderr);
  assertEquals([report.feeds, report.records], recorded);
}
