/**
 * Every adapter through the suites of its ports.
 *
 * Skipped: stdio, because standard input and output belong to the process (tests/cli/run_test.ts runs them in one).
 */

import { assertRejects } from "@std/assert";
import { FileSink } from "../../adapters/file/sink.ts";
import { FileSource } from "../../adapters/file/source.ts";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { SinkError } from "../../adapters/sink.ts";
import { TestFolder } from "../support/processor_script.ts";
import { commitOf, testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";

const FIELDS = { key: undefined, time: undefined };

testSource("memory source", (lines) => {
  const source = new MemorySource("lines", { "0": lines.map((value) => ({ value })) });
  return Promise.resolve({ source, [Symbol.asyncDispose]: () => source.close() });
});

for (const [name, end] of [["line feeds", "\n"], ["carriage returns", "\r\n"]]) {
  testSource(`file source with ${name}`, (lines) => {
    const folder = new TestFolder();
    const path = folder.write("lines.ndjson", lines.map((line) => line + end).join(""));
    const source = new FileSource({ path, isBounded: true, fields: FIELDS, recordBytesMax: 1 << 20 });
    return Promise.resolve({
      source,
      async [Symbol.asyncDispose](): Promise<void> {
        await source.close();
        await folder[Symbol.asyncDispose]();
      },
    });
  });
}

testSource("compressed file source", async (lines) => {
  const folder = new TestFolder();
  const text = new Blob([lines.map((line) => `${line}\n`).join("")]);
  const bytes = await new Response(text.stream().pipeThrough(new CompressionStream("gzip"))).bytes();
  const path = folder.write("lines.ndjson.gz", bytes);
  const source = new FileSource({ path, isBounded: false, fields: FIELDS, recordBytesMax: 1 << 20 });
  return {
    source,
    async [Symbol.asyncDispose](): Promise<void> {
      await source.close();
      await folder[Symbol.asyncDispose]();
    },
  };
});

testSink("file sink", () => {
  const folder = new TestFolder();
  return {
    open: () => new FileSink({ path: folder.at("out.ndjson"), isFolder: false }),
    read: () => Promise.resolve(folder.read("out.ndjson").split("\n").slice(0, -1)),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  };
});

testSink("memory sink", () => {
  const sink = new MemorySink();
  return {
    open: () => sink,
    read: () => Promise.resolve(sink.outputs.map(({ value }) => value!)),
    [Symbol.asyncDispose]: () => sink.close(),
  };
});

Deno.test("memory sink: a stale owner (M24) and a feed out of order are refused", async () => {
  const sink = new MemorySink();
  await sink.acquire("0", 1n);
  await sink.acquire("0", 2n);
  await assertRejects(
    async () => await sink.commit(commitOf(0, 1n, ["1"])),
    SinkError,
    "is not the newest",
  );
  await assertRejects(
    async () => await sink.commit(commitOf(1, 2n, ["1"])),
    SinkError,
    "feed 0 is wanted",
  );
});
