/** Signals that come too late or twice, and files that cannot be used. */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { runCli, signalIfRunning, spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RUN = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson"];

/** A run whose second record hangs, when its first one is committed: then the second is under way. */
async function spawnBusy(folder: TestFolder, args: readonly string[]): Promise<Deno.ChildProcess> {
  folder.write("p.ts", scriptOf("if (value === 2) for (;;); context.emit({ value });"));
  folder.write("in.ndjson", "1\n2\n");
  const child = spawnCli([...RUN, "--record-timeout", "60", "--feed-records", "1", ...args], { cwd: folder.path });
  await child.stdin.close();
  for (let tries = 0; tries < 1000; tries++) {
    if (await Deno.stat(folder.at("out.ndjson")).then(({ size }) => size > 0, () => false)) return child;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error("the first record was never committed");
}

Deno.test("SIGTERM exits with 143 when the shutdown timeout cuts work off", async () => {
  await using folder = new TestFolder();
  const child = await spawnBusy(folder, ["--shutdown-timeout", "0.3"]);
  child.kill("SIGTERM");
  const { code, stderr } = await child.output();
  assertEquals(code, 143);
  assertMatch(new TextDecoder().decode(stderr), /^Not finished within 0\.3 s, cut off; /m);
});

Deno.test("a second signal exits at once", async () => {
  await using folder = new TestFolder();
  const child = await spawnBusy(folder, ["--shutdown-timeout", "60"]);
  child.kill("SIGINT");
  const again = setInterval(() => signalIfRunning(child, "SIGINT"), 50);
  assertEquals((await child.output()).code, 130);
  clearInterval(again);
});

Deno.test("who is told to stop while it waits for a server that does not answer ends at once, and says so", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  using silent = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const child = spawnCli(["run", "p.ts", "--from", `redis://127.0.0.1:${silent.addr.port}/x`, "--to", "out.ndjson"], {
    cwd: folder.path,
  });
  await child.stdin.close();
  using _connection = await silent.accept();
  child.kill("SIGINT");
  const { code, stderr } = await child.output();
  assertEquals([code, new TextDecoder().decode(stderr)], [130, "test: stopped before it had begun\n"]);
});

Deno.test("what cannot be written or read is told in a sentence", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n");
  Deno.mkdirSync(folder.at("folder.db"));
  const cases: readonly (readonly [args: readonly string[], expected: RegExp])[] = [
    [[...RUN, "--until-end", "--journal", "folder.db"], /Cannot open journal folder\.db: /],
    [[...RUN, "--until-end", "--journal", "/proc/journal.db"], /journal/],
    [["run", "p.ts", "--from", "in.ndjson", "--to", "in.ndjson/out", "--until-end"], /Cannot write in\.ndjson\/out: /],
    [
      ["run", "p.ts", "--from", "/proc/self/mem", "--to", "o", "--until-end", "--name", "x"],
      /Cannot read \/proc\/self\/mem/,
    ],
  ];
  for (const [args, expected] of cases) {
    const { code, stderr } = await runCli(args, { cwd: folder.path });
    assertEquals(code, 1, stderr);
    assertMatch(stderr, expected);
    assert(!stderr.includes("    at "), stderr);
  }
});
