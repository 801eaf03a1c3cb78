/** A run that halted in the middle of a feed: it goes on behind what it had done, with mended code, and replays. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const COUNT = "const n = (context.state.get<number>('n') ?? 0) + 1; context.state.set('n', n);";
const RECORDS = 3;

/** Their times take turns. */
function recordsOf(partition: number) {
  return Array.from({ length: RECORDS }, (_, i) => 2 * i + partition)
    .map((value) => ({ value: String(value), eventTimeMs: value }));
}

for (let bad = 0; bad < 2 * RECORDS; bad++) {
  Deno.test(`a run halted by record ${bad} of a captured feed of two partitions goes on when that is mended, and replays`, async () => {
    await using folder = new TestFolder();
    const sink = new MemorySink();
    const run = async (guard: string) =>
      await runProcessor({
        processor: folder.write("p.ts", scriptOf(`${COUNT} ${guard} context.emit({ value: [value, n] });`)),
        journal: folder.at("j.db"),
        from: { default: new MemorySource("numbers", { "0": recordsOf(0), "1": recordsOf(1) }) },
        to: { default: sink },
        clock: "event",
        tasksMax: 1,
        capture: "all",
      });
    const { failures: [failure] } = await run(`if (value === ${bad}) throw new Error("bad");`);
    assertEquals((failure as { readonly code?: string }).code, "E_PROCESSOR_FAILED", failure.message);
    assertEquals((await run("")).failures, []);
    const wanted = Array.from({ length: 2 * RECORDS }, (_, i) => JSON.stringify([i, i + 1]));
    assertEquals(sink.outputs.map(({ value }) => value), wanted);
    const replayed = await runCli(["replay", "test", "--journal", "j.db"], { cwd: folder.path });
    assertEquals(replayed.code, 0, replayed.stdout + replayed.stderr);
  });
}
