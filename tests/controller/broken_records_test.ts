/** Records that break their sandbox. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

Deno.test("each record that never ends is put aside, however many there are, and those between them are processed", async () => {
  await using folder = new TestFolder();
  const sink = new MemorySink();
  const records = Array.from({ length: 6 }, (_, i) => ({ value: String(i) }));
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf("while (value % 2 === 1); context.emit({ value });")),
    journal: folder.at("j.db"),
    from: { default: new MemorySource("numbers", { "0": records }) },
    to: { default: sink },
    limits: { recordTimeMsMax: 100 },
    onError: "dead-letter",
  });
  assertEquals(failures, []);
  assertEquals(sink.outputs.map(({ value }) => value), ["0", "2", "4"]);
  const journal = await SqliteJournal.open(folder.at("j.db"));
  const letters = [...journal.deadLetters(journal.run("test")!)];
  journal.close();
  assertEquals(letters.map(({ range }) => range.offset), [1n, 3n, 5n]);
});
