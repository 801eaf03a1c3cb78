/** Whoever reads a list of rows may write meanwhile, and others too. */

import { assertEquals } from "@std/assert";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { TestFolder } from "../support/processor_script.ts";

const RUN = { processor: "p", seed: 0, clock: "event", uris: {}, sources: {}, sinks: {}, createdMs: 0 } as const;

Deno.test("a list that is being read keeps nobody from writing, nor does one whose reading was given up", async () => {
  await using folder = new TestFolder();
  const [run, prune] = [await SqliteJournal.open(folder.at("j.db")), await SqliteJournal.open(folder.at("j.db"))];
  run.atomically(() => ["a", "b"].forEach((name) => run.createRun({ ...RUN, name })));
  const select = "SELECT * FROM runs ORDER BY id";
  const read: string[] = [];
  for (const row of run.database.all(select)) {
    prune.createRun({ ...RUN, name: `pruned while ${row.name} is read` });
    run.createRun({ ...RUN, name: `written while ${row.name} is read` });
    read.push(String(row.name));
    assertEquals([...run.database.all(select)].at(-1)!.name, `written while ${row.name} is read`);
  }
  assertEquals(read, ["a", "b"]);
  const [_first] = run.database.all(select);
  prune.createRun({ ...RUN, name: "pruned later" });
  run.createRun({ ...RUN, name: "written later" });
  // What is written and not yet committed is read as well.
  run.atomically(() => {
    run.createRun({ ...RUN, name: "last" });
    assertEquals([...run.database.all(select)].length, 9);
  });
  run.close();
  prune.close();
});
