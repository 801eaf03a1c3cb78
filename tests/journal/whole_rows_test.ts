/** What belongs together is in the journal together, or not at all. */

import { assertEquals, assertThrows } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { JournalError } from "../../controller/journal/journal.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { TestFolder } from "../support/processor_script.ts";

const RUN = {
  name: "r",
  processor: "p",
  seed: 0,
  clock: "event",
  uris: {},
  sources: {},
  sinks: {},
  createdMs: 0,
} as const;
const PARTITION = { input: "default", stream: "s", partition: "0", start: 0n };

Deno.test("a task without its predecessors is never there: it would begin without their state", async () => {
  await using folder = new TestFolder();
  const path = folder.at("j.db");
  const journal = await SqliteJournal.open(path);
  const run = journal.createRun(RUN);
  journal.createTask(run, "0", [PARTITION]);
  const disk = new DatabaseSync(path);
  disk.exec("CREATE TRIGGER broken BEFORE INSERT ON successions BEGIN SELECT RAISE(ABORT, 'the disk is gone'); END");
  disk.close();
  assertThrows(() => journal.createTask(run, "1", [PARTITION], ["0"]), JournalError, "the disk is gone");
  assertEquals(journal.tasks(run).map(({ name }) => name), ["0"]);
  journal.close();
});
