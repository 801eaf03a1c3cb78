/** I10: journals of every released format, recorded once, are replayed for ever; each with the code that it recorded. */

import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { verifyJournal } from "../../controller/journal/verify.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runCli } from "../support/cli.ts";

const FOLDER = fromFileUrl(new URL("./journals", import.meta.url));

for (const { name } of Deno.readDirSync(FOLDER)) {
  Deno.test(`journal ${name} is sound and replays without a divergence other than of the environment`, async () => {
    const path = join(FOLDER, name, "journal.db");
    const journal = SqliteJournal.openReader(path);
    const [run] = journal.runs();
    assertEquals(verifyJournal(journal).problems, []);
    journal.close();
    const { stdout, stderr } = await runCli(["replay", run.name, "--journal", path, "--json"]);
    const report = JSON.parse(stdout) as { feeds: number; records: number; divergences: { cause: string }[] };
    assertEquals(report.divergences.filter(({ cause }) => cause !== "environment"), [], stderr);
    assertEquals([report.feeds, report.records], [7, 50]);
  });
}
