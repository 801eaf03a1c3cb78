/** What a run says that it has done: each feed once, and only when its sinks have it. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { type Commit, type Receipt, SinkError } from "../../adapters/sink.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RECORDS = 20;
const REFUSED = 11;

/** It refuses a feed once, or says once that it cannot tell whether it has it. */
class BriefRefusal extends MemorySink {
  readonly commitsInFlightMax: number;
  readonly #isRetriable: boolean;
  #hasRefused = false;

  constructor(commitsInFlightMax: number, isRetriable: boolean) {
    super();
    this.commitsInFlightMax = commitsInFlightMax;
    this.#isRetriable = isRetriable;
  }

  override async commit(commit: Commit): Promise<Receipt> {
    if (this.#hasRefused || commit.seq !== REFUSED) return await super.commit(commit);
    this.#hasRefused = true;
    throw new SinkError("Cannot commit", { code: "E_TEST", isRetriable: this.#isRetriable });
  }
}

async function countedBy(sink: BriefRefusal, folder: TestFolder): Promise<readonly number[]> {
  const { tasks: [{ feeds, records, outputs }] } = await runProcessor({
    processor: folder.write("p.ts", scriptOf("context.emit({ value }); context.emit({ value });")),
    journal: folder.at("j.db"),
    from: { default: new MemorySource("lines", { "0": Array.from({ length: RECORDS }, () => ({ value: "0" })) }) },
    to: { default: sink },
    limits: { feedRecordsMax: 1 },
  });
  return [feeds, records, outputs];
}

for (const commitsInFlightMax of [1, 3]) {
  const which = `${commitsInFlightMax} ${commitsInFlightMax === 1 ? "commit" : "commits"} on the way`;

  Deno.test(`a feed that a sink refused does not count before the run that brings it there, with ${which}`, async () => {
    await using folder = new TestFolder();
    const sink = new BriefRefusal(commitsInFlightMax, false);
    assertEquals(await countedBy(sink, folder), [REFUSED, REFUSED, 2 * REFUSED]);
    const rest = RECORDS - REFUSED;
    // The last feed is the end of the input.
    assertEquals(await countedBy(sink, folder), [rest + 1, rest, 2 * rest]);
  });

  Deno.test(`a feed counts once when nobody knew whether it was committed, with ${which}`, async () => {
    await using folder = new TestFolder();
    const sink = new BriefRefusal(commitsInFlightMax, true);
    assertEquals(await countedBy(sink, folder), [RECORDS + 1, RECORDS, 2 * RECORDS]);
  });
}

for (const [onError, deadLetters, skipped] of [["dead-letter", 2, 1], ["skip", 0, 3]] as const) {
  Deno.test(`what failed is counted as put aside or as passed over (${onError}); a timer cannot be put aside`, async () => {
    await using folder = new TestFolder();
    const body = "context.timers.set('t', 0); if (value > 3) throw new RangeError('too many');";
    const { tasks: [summary] } = await runProcessor({
      processor: folder.write("p.ts", scriptOf(body, { extra: "onTimer() { throw new Error('late'); }," })),
      journal: folder.at("j.db"),
      from: { default: new MemorySource("lines", { "0": [1, 4, 5].map((n) => ({ value: String(n) })) }) },
      to: { default: new MemorySink() },
      onError,
    });
    assertEquals([summary.records, summary.deadLetters, summary.skipped], [3, deadLetters, skipped]);
  });
}
