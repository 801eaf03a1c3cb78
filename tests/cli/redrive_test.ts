/** Dead letters through mended code: each once, however often that is tried. */

import { assertEquals, assertMatch } from "@std/assert";
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
