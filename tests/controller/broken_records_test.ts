/** Records that break their sandbox. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import type { ReadLimit, ReadResult, SourcePartition } from "../../adapters/source.ts";
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

/** Notes where it was taken back to, and who goes back without a word. */
class WatchedSource extends MemorySource {
  readonly verified: bigint[] = [];
  readonly surprises: bigint[] = [];
  #position = 0n;

  override verify(_?: SourcePartition, position = 0n): Promise<void> {
    this.verified.push(position);
    this.#position = position;
    return super.verify();
  }

  override async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    if (from !== this.#position) this.surprises.push(from);
    const result = await super.read(at, from, limit);
    if (result.kind === "batch") this.#position = result.batch.next;
    return result;
  }
}

Deno.test("a source is told where a task goes back to behind a break: what is trimmed there meanwhile would not be missed", async () => {
  await using folder = new TestFolder();
  const source = new WatchedSource("numbers", { "0": Array.from({ length: 20 }, (_, i) => ({ value: String(i) })) });
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf("while (value === 7); context.emit({ value });")),
    journal: folder.at("j.db"),
    from: { default: source },
    to: { default: new MemorySink() },
    limits: { recordTimeMsMax: 100, feedRecordsMax: 4 },
    onError: "skip",
  });
  assertEquals([failures, source.surprises], [[], []]);
  assertEquals(source.verified.slice(1), [4n, 8n]);
});
