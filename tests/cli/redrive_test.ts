/** Dead letters through mended code: each once, however often that is tried. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { MemorySink } from "../../adapters/memory/sink.ts";
import { MemorySource } from "../../adapters/memory/source.ts";
import { runProcessor } from "../../controller/run_processor.ts";
import { runCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

Deno.test("dead letters are redriven once: what a redrive had done before it failed is not done by the next one", async () => {
  await using folder = new TestFolder();
  const cli = async (...args: readonly string[]) => await runCli(args, { cwd: folder.path });
  folder.write("broken.ts", scriptOf("if (value % 2 === 1) throw new Error('odd'); context.emit({ value });"));
  folder.write("half.ts", scriptOf("if (value === 5) throw new Error('still'); context.emit({ value: 10 * value });"));
  folder.write("mended.ts", scriptOf("context.emit({ value: 10 * value });"));
  const write = (from: number, to: number) =>
    Deno.writeTextFileSync(
      folder.at("in.ndjson"),
      Array.from({ length: to - from }, (_, i) => `${from + i}\n`).join(""),
      { append: true },
    );
  const run = ["run", "broken.ts", "--from", "file:in.ndjson", "--to", "file:out.ndjson", "--until-end", "--quiet"]
    .concat(["--on-error", "dead-letter", "--name", "numbers"]);
  const redrive = (script: string, to = "redriven.ndjson") =>
    cli("deadletters", "redrive", "numbers", "--with", script, "--to", `file:${to}`);
  write(0, 8);
  assertEquals((await cli(...run)).code, 0);
  const failed = await redrive("half.ts");
  assertEquals(failed.code, 1, failed.stderr);
  assertEquals(folder.read("redriven.ndjson"), "10\n30\n");
  // More come before somebody has mended it.
  write(8, 12);
  assertEquals((await cli(...run)).code, 0);
  const { code, stderr } = await redrive("mended.ts");
  assertEquals(code, 0, stderr);
  assertMatch(stderr, /4 dead letters redriven, 2 outputs; 2 are left: redrive again/);
  assertEquals(folder.read("redriven.ndjson"), "10\n30\n50\n70\n");
  assertMatch((await redrive("mended.ts", "more.ndjson")).stderr, /2 dead letters redriven, 2 outputs\n/);
  assertEquals(folder.read("more.ndjson"), "90\n110\n");
  assertMatch((await redrive("mended.ts")).stderr, /no dead letters are left/);
  const listed = (await cli("deadletters", "ls", "numbers")).stdout.trim().split("\n");
  assertEquals(listed.map((line) => /\(redriven\)$/.test(line)), Array.from({ length: 6 }, () => true));
});

Deno.test("a dead letter keeps headers and event time, whatever its size; it is redriven with both, through effects, to named outputs", async () => {
  await using folder = new TestFolder();
  const processor = folder.write("broken.ts", scriptOf("throw new Error('broken');"));
  const headers = [["trace", "t1"], ["raw", new Uint8Array([0xff])], ["none", null], ["trace", "t2"]] as const;
  const large = JSON.stringify("x".repeat(1_000_000));
  const records = [{ key: "k", value: large, headers, eventTimeMs: 1_700_000_000_000 }, { value: "1" }];
  await runProcessor({
    processor,
    name: "kept",
    journal: folder.at(".sluice/journal.db"),
    from: { default: new MemorySource("lines", { "0": records }) },
    to: { default: new MemorySink() },
    onError: "dead-letter",
    clock: "event",
  });
  const cli = async (...args: readonly string[]) => await runCli(args, { cwd: folder.path });
  const shown = (await cli("deadletters", "show", "kept", "1")).stdout;
  assertStringIncludes(
    shown,
    '\nkey: k\nheaders: [["trace","t1"],["raw",{"base64":"/w=="}],["none",null],["trace","t2"]]\n',
  );
  assertStringIncludes(shown, "\ntime: 2023-11-14T22:13:20.000Z\n");
  folder.write("effects.ts", "export const double = (n) => 2 * n;");
  folder.write(
    "mended.ts",
    `import { defineProcessor, json } from "@sluice/sluice/processor";
    export default defineProcessor({
      name: "mended",
      input: json<string | number>(),
      outputs: { seen: json<unknown>(), doubled: json<unknown>() },
      async process({ value, key, headers, eventTimeMs = null }, { emit, effect, now }) {
        const pairs = [...headers].map(([name, bytes]) => [name, bytes && [...bytes]]);
        const { length } = String(value);
        emit({ value: { key, pairs, eventTimeMs, now, length } }, "seen");
        emit({ value: await effect("double", length) }, "doubled");
      },
    });`,
  );
  const { code, stderr } = await cli(
    ...["deadletters", "redrive", "kept", "--with", "mended.ts", "--effects", "effects.ts"],
    ...["--to", "seen=file:seen.ndjson", "--to", "doubled=file:doubled.ndjson"],
  );
  assertEquals(code, 0, stderr);
  const text = (value: string) => [...new TextEncoder().encode(value)];
  const pairs = [["trace", text("t1")], ["raw", [255]], ["none", null], ["trace", text("t2")]];
  const time = { eventTimeMs: 1_700_000_000_000, now: 1_700_000_000_000 };
  assertEquals(folder.read("seen.ndjson").trim().split("\n").map((line) => JSON.parse(line)), [
    { key: "k", pairs, ...time, length: 1_000_000 },
    { key: null, pairs: [], eventTimeMs: null, now: time.now, length: 1 },
  ]);
  assertEquals(folder.read("doubled.ndjson"), "2000000\n2\n");
});
