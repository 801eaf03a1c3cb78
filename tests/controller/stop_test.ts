/** A run that is told to stop stops, at whatever moment it is told. */

import { assertEquals } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { type ReadLimit, type ReadResult, SourceError, type SourcePartition } from "../../adapters/source.ts";
import { until } from "../../adapters/until.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

/** Told to stop while it is asked for more, when all is committed and there is nothing more. */
class StoppedWhileRead extends MemorySource {
  readonly stop = new AbortController();
  isCommitted = false;

  override async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const result = await super.read(at, from, limit);
    if (result.kind === "idle" && this.isCommitted) this.stop.abort();
    return result;
  }
}

Deno.test("a run that is told to stop while it reads stops, though nothing comes any more", async () => {
  await using folder = new TestFolder();
  const processor = folder.write("p.ts", scriptOf("context.emit({ value });"));
  const source = new StoppedWhileRead("lines", { "0": [{ value: "1" }] }, false);
  const { failures } = await runProcessor({
    processor,
    journal: folder.at("j.db"),
    from: { default: source },
    to: { default: new MemorySink() },
    stop: source.stop.signal,
    observer: { onCommit: () => void (source.isCommitted = true) },
  });
  assertEquals(failures, []);
});

/** Out of reach once it has been read to its end, and told to stop while somebody waits for it. */
class OutOfReach extends MemorySource {
  readonly stop = new AbortController();
  isLeft = false;

  override async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const result = await super.read(at, from, limit);
    if (result.kind !== "idle") return result;
    setTimeout(() => this.stop.abort(), 0);
    await until(new Promise(() => {}), limit.leave!);
    this.isLeft = true;
    throw new SourceError("Cannot reach it", { code: "E_SOURCE_UNREACHABLE", ...at });
  }
}

Deno.test("a run that is told to stop while its source is out of reach commits what it has, and does not wait for it", async () => {
  await using folder = new TestFolder();
  const source = new OutOfReach("lines", { "0": [{ value: "1" }, { value: "2" }] }, false);
  const sink = new MemorySink();
  const { failures } = await runProcessor({
    processor: folder.write("p.ts", scriptOf("context.emit({ value });")),
    journal: folder.at("j.db"),
    from: { default: source },
    to: { default: sink },
    stop: source.stop.signal,
  });
  assertEquals([failures, source.isLeft], [[], true]);
  assertEquals(sink.outputs.map(({ value }) => value), ["1", "2"]);
});
