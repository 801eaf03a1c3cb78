/** Files, folders and globs as streams: what comes while they are followed, and what is said to mistakes. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

const ORDERS = '{"id":"1","at":1000}\n{"id":"2","at":2000}\n';
const NOTICES_SOON = { SLUICE_TEST_LIMITS: JSON.stringify({ partitionCheckMs: 50 }) };

function read(folder: TestFolder, path: string): string {
  try {
    return folder.read(path);
  } catch {
    return "";
  }
}

for (const from of ["in/", "in/*.ndjson"]) {
  Deno.test(`a file that comes while ${from} is followed is read, by a task of its own, and so after a restart`, async () => {
    await using folder = new TestFolder();
    folder.write("in/a.ndjson", ORDERS);
    const args = ["run", "copy", "--from", `file:${from}`, "--to", "file:out/", "--quiet"];
    const child = spawnCli(args, { cwd: folder.path, env: NOTICES_SOON, crashAt: "never" });
    await until(() => read(folder, "out/part-0.ndjson") === ORDERS);
    folder.write("in/b.ndjson", '{"id":"3"}\n');
    await until(() => read(folder, "out/part-1.ndjson") === '{"id":"3"}\n');
    child.kill("SIGTERM");
    await child.stdin.close();
    const { code, stderr } = await child.output();
    assertEquals(code, 0);
    assertStringIncludes(new TextDecoder().decode(stderr), "b.ndjson; read from here on");
    folder.write("in/b.ndjson", '{"id":"3"}\n{"id":"4"}\n');
    const again = await runCli([...args, "--until-end"], { cwd: folder.path });
    assertEquals([again.code, again.stderr], [0, ""]);
    assertEquals(folder.read("out/part-1.ndjson"), '{"id":"3"}\n{"id":"4"}\n');
  });
}

Deno.test("a followed file whose place another takes is read on where that begins alike, and stops the run where not", async () => {
  await using folder = new TestFolder();
  folder.write("a.ndjson", ORDERS);
  const replaceBy = (text: string) => Deno.renameSync(folder.write("new", text), folder.at("a.ndjson"));
  const child = spawnCli(["run", "copy", "--from", "file:a.ndjson", "--to", "file:out.ndjson", "--quiet"], {
    cwd: folder.path,
  });
  await until(() => read(folder, "out.ndjson") === ORDERS);
  replaceBy(ORDERS + '{"id":"3"}\n');
  await until(() => read(folder, "out.ndjson") === ORDERS + '{"id":"3"}\n');
  replaceBy('{"id":"another log","at":1}\n'.repeat(10));
  await child.stdin.close();
  const { code, stderr } = await child.output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "are not what was read: it was rewritten");
  assertEquals(folder.read("out.ndjson"), ORDERS + '{"id":"3"}\n');
});

Deno.test("a run does not write where it reads, nor keep its journal there", async () => {
  await using folder = new TestFolder();
  folder.write("in/a.ndjson", ORDERS);
  const mistakes: readonly (readonly [from: string, to: string, ...more: string[]])[] = [
    ["in/", "in/out.ndjson"],
    ["in", "in/"],
    ["in/", "in/out/"],
    ["in/*.ndjson", "in/out.ndjson"],
    ["in/", "out.ndjson", "--journal", "in/journal.db"],
  ];
  for (const [from, to, ...more] of mistakes) {
    const args = ["run", "copy", "--from", `file:${from}`, "--to", `file:${to}`, "--until-end", ...more];
    const { code, stderr } = await runCli(args, { cwd: folder.path });
    assertEquals(code, 2, args.join(" "));
    assertStringIncludes(stderr, `the run reads ${from}, and would read that as well`);
  }
  const beside = ["run", "copy", "--from", "file:in/*.ndjson", "--to", "file:in/out.txt", "--until-end", "--quiet"];
  assertEquals(await runCli(beside, { cwd: folder.path }), { code: 0, signal: null, stdout: "", stderr: "" });
});

Deno.test("names that nothing has are told of: files, fields of keys and of times; compressed outputs are refused", async () => {
  await using folder = new TestFolder();
  folder.write("a.ndjson", ORDERS);
  const run = async (from: string, to = "-") =>
    await runCli(
      ["run", "copy", "--from", from, "--to", to, "--until-end", "--name", crypto.randomUUID(), "--quiet"],
      { cwd: folder.path },
    );
  const told = {
    "file:a.ndjson?key=idd": "No record of a.ndjson has a key in the field idd so far",
    "file:a.ndjson?time=att": "No record of a.ndjson has a time in the field att so far",
    "file:b*.ndjson": "No file is called b*.ndjson yet: nothing is read of it",
  };
  for (const [from, text] of Object.entries(told)) {
    const { code, stderr } = await run(from);
    assertEquals(code, 0, stderr);
    assertStringIncludes(stderr, text);
  }
  assertEquals((await run("file:a.ndjson?key=id&time=at")).stderr, "");
  const { code, stderr } = await run("file:a.ndjson", "file:out.ndjson.gz");
  assertEquals(code, 2);
  assertStringIncludes(stderr, "Cannot write out.ndjson.gz: outputs are not compressed");
});
