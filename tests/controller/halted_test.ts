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

Deno.test("timers that rang before the record that halted a run, and not before the one ahead of it, ring in a replay and when it goes on", async () => {
  await using folder = new TestFolder();
  const script = (guard: string) =>
    `import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "test",
  input: json<{ v: number }>(),
  output: json<string>(),
  process({ value: { v } }, { emit, timers, now }) {
    ${guard}
    timers.set("t" + v, now + 3);
    emit({ value: "record " + v });
  },
  onTimer({ key }, { emit }) {
    emit({ value: "timer " + key });
  },
});
`;
  folder.write("in.ndjson", [0, 10, 20, 30].map((at) => `{"at":${1_700_000_000_000 + at},"v":${at}}\n`).join(""));
  const cli = async (...args: readonly string[]) => await runCli(args, { cwd: folder.path });
  const run = ["run", "p.ts", "--from", "file:in.ndjson?time=at", "--to", "file:out.ndjson", "--until-end", "--quiet"]
    .concat(["--clock", "event"]);
  folder.write("p.ts", script("if (v === 20) throw new Error('bad');"));
  assertEquals((await cli(...run)).code, 1);
  assertEquals((await cli("replay", "test")).code, 0);
  folder.write("p.ts", script(""));
  const { code, stderr } = await cli(...run);
  assertEquals([code, stderr.includes("Cannot")], [0, false], stderr);
  assertEquals((await cli("replay", "test")).code, 0);
  assertEquals(folder.read("out.ndjson").split("\n").filter((line) => line.includes("timer")).length, 4);
});

for (const { clock, what } of [{ clock: "feed", what: "one tick rings" }, { clock: "event", what: "the end rings" }]) {
  Deno.test(`a run halted by the second of timers that ${what} replays, and goes on with that one`, async () => {
    await using folder = new TestFolder();
    const script = (bad: string) =>
      `import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "test",
  input: json<number>(),
  output: json<string>(),
  process({ value }, { timers, now }) {
    timers.set("t" + value, now + 30 + value);
  },
  onTimer({ key }, { emit }) {
    if (key === "${bad}") throw new Error("bad");
    emit({ value: key });
  },
});
`;
    folder.write("in.ndjson", "0\n1\n2\n");
    const cli = async (...args: readonly string[]) => await runCli(args, { cwd: folder.path });
    const run = ["run", "p.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--quiet", "--clock", clock]
      .concat(clock === "event" ? ["--until-end"] : []);
    for (const bad of ["t1", "t2"]) {
      folder.write("p.ts", script(bad));
      const { code, stderr } = await cli(...run);
      assertEquals([code, stderr.includes("bad")], [1, true], stderr);
      const replayed = await cli("replay", "test");
      assertEquals(replayed.code, 0, replayed.stdout + replayed.stderr);
    }
    assertEquals(folder.read("out.ndjson"), '"t0"\n"t1"\n');
  });
}
