/** A sink whose commits would hold others up gets smaller feeds, whatever the run allows. */

import { assert, assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RECORDS = 100;

class DelicateSink extends MemorySink {
  readonly feedLimit: { readonly recordsMax: number; readonly bytesMax: number };

  constructor(recordsMax: number, bytesMax: number) {
    super();
    this.feedLimit = { recordsMax, bytesMax };
  }
}

async function feedsOf(recordsMax: number, bytesMax: number): Promise<readonly number[]> {
  await using folder = new TestFolder();
  const processor = folder.write("p.ts", scriptOf("context.emit({ value });"));
  const values = Array.from({ length: RECORDS }, () => ({ value: '"0123456789"' }));
  const source = new MemorySource("lines", { "0": values });
  const feeds: number[] = [];
  const observer = { onCommit: (_task: string, { records }: { readonly records: number }) => void feeds.push(records) };
  const to = { default: new DelicateSink(recordsMax, bytesMax) };
  await runProcessor({ processor, journal: folder.at("j.db"), from: { default: source }, to, observer });
  return feeds.filter((records) => records > 0);
}

Deno.test("feeds hold no more records and bytes than the sink wants at a time", async () => {
  const byRecords = await feedsOf(7, 1 << 20);
  assertEquals([Math.max(...byRecords), byRecords.reduce((sum, records) => sum + records, 0)], [7, RECORDS]);
  const byBytes = await feedsOf(1000, 50);
  assert(Math.max(...byBytes) <= 5, String(byBytes));
  assertEquals(byBytes.reduce((sum, records) => sum + records, 0), RECORDS);
});
