/** A run that has nothing to do does nothing. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import type { SourcePartition } from "../../adapters/source.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

/** As often as it may be asked for more before that counts as spinning; and for how many turns nothing else may happen. */
const TURNS = 50;

/** Counts how often somebody waits for it, and has the run stopped after a while. */
class Watched extends MemorySource {
  readonly stop = new AbortController();
  waits = 0;

  override async waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    if (++this.waits === 1) void this.#stopLater();
    await super.waitForMore(at, signal);
  }

  async #stopLater(): Promise<void> {
    for (let turn = 0; turn < TURNS; turn++) await new Promise((resolve) => setTimeout(resolve, 1));
    this.stop.abort();
  }
}

Deno.test("a run on event time waits for records, not for a timer that records alone can ring", async () => {
  await using folder = new TestFolder();
  const processor = folder.write("p.ts", scriptOf("context.timers.set('alarm', 1); context.emit({ value });"));
  const source = new Watched("lines", { "0": [{ value: "1", eventTimeMs: 0 }] }, false);
  const { failures } = await runProcessor({
    processor,
    journal: folder.at("j.db"),
    clock: "event",
    from: { default: source },
    to: { default: new MemorySink() },
    stop: source.stop.signal,
  });
  assertEquals([failures, source.waits], [[], 1]);
});
