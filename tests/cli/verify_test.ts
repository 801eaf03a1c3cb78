/** `run --verify`: feeds are run again while the run goes on, and what would not survive a restart is told at once. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

async function run(body: string, args: readonly string[]) {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(body));
  folder.write("in.ndjson", Array.from({ length: 200 }, (_, n) => `{"n":${n}}\n`).join(""));
  const run = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--feed-records", "5"];
  const result = await runCli([...run, ...args], { cwd: folder.path });
  return { ...result, lines: folder.read("out.ndjson").split("\n").length - 1 };
}

const HIDDEN = "moduleCounter += value.n; context.emit({ value: { n: value.n, sum: moduleCounter } });";

Deno.test("a run whose feeds repeat ends as it would without a check", async () => {
  const body = "context.state.set('n', value.n); context.emit({ value: { n: value.n, chance: Math.random() } });";
  const { code, stderr, lines } = await run(body, ["--verify", "1"]);
  assertEquals([code, lines], [0, 200], stderr);
});

Deno.test("something kept in a module variable is told with record, field and cause, and the run goes on", async () => {
  const { code, stderr, lines } = await run(HIDDEN, ["--verify", "1"]);
  assertEquals([code, lines], [3, 200], stderr);
  assertStringIncludes(stderr, "DIVERGED in.ndjson/0@");
  assertStringIncludes(stderr, "output[0].sum");
  assertStringIncludes(stderr, "cause: nondeterminism");
  assertStringIncludes(stderr, "module variables");
});

Deno.test("--on-divergence stop ends the run with what is committed, and exit code 3", async () => {
  const { code, stderr } = await run(HIDDEN, ["--verify", "1", "--on-divergence", "stop"]);
  assertEquals(code, 3, stderr);
});

Deno.test("a run that is stopped says by its exit code that something was found", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(HIDDEN));
  folder.write("in.ndjson", '{"n":1}\n{"n":2}\n');
  const args = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--feed-records", "1", "--verify", "1"];
  const child = spawnCli(args, { cwd: folder.path });
  const [told, rest] = child.stderr.tee();
  const reading = new Response(rest).text();
  for await (const text of told.pipeThrough(new TextDecoderStream())) if (text.includes("DIVERGED")) break;
  child.kill("SIGTERM");
  await Promise.all([child.stdin.close(), child.stdout.cancel()]);
  assertEquals((await child.status).code, 3, await reading);
});

Deno.test("a share that is none is a usage error", async () => {
  for (const share of ["0", "1.5", "x"]) {
    const { code, stderr } = await runCli(["run", "p.ts", "--verify", share]);
    assertEquals(code, 2);
    assertStringIncludes(stderr, "A share above 0, up to 1, is wanted");
  }
});
