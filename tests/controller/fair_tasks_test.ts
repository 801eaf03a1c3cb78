/** Tasks take turns: one with a backlog keeps no other from its first feed. */

import { assert } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const FEEDS = 50;
const FEED_RECORDS = 10;

Deno.test("a task with a backlog passes nobody who waits for a turn", async () => {
  await using folder = new TestFolder();
  const processor = folder.write("p.ts", scriptOf("context.emit({ value });"));
  const values = Array.from({ length: FEEDS * FEED_RECORDS }, () => ({ value: "1" }));
  const source = new MemorySource("lines", { "0": values, "1": values, "2": values });
  const commits: string[] = [];
  const observer = { onCommit: (task: string) => void commits.push(task) };
  // So many feeds together as one task alone has in flight.
  const limits = { feedRecordsMax: FEED_RECORDS, feedsInFlightMax: 8, feedsTogetherMax: 2 };
  const to = { default: new MemorySink() };
  await runProcessor({ processor, journal: folder.at("j.db"), from: { default: source }, to, observer, limits });
  for (const task of ["0", "1", "2"]) {
    const before = commits.indexOf(task);
    assert(before >= 0 && before < FEEDS / 2, `task ${task} committed first after ${before} feeds of others`);
  }
});
