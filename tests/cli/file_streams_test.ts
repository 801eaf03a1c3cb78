/** Files, folders and globs as streams: what comes while they are followed, and what is said to mistakes. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { FileSink } from "../../adapters/file/sink.ts";
import { SinkError } from "../../adapters/sink.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";
import { runCli, spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { until } from "../support/until.ts";

const ORDERS = '{"id":"1","at":1000}\n{"id":"2","at":2000}\n';
const NOTICES_SOON = { SLUICE_TEST_LIMITS: JSON.stringify({ partitionCheckMs: 50 }) };

const COMMIT = {
  run: "run",
  task: "0",
  seq: 0,
  outputs: packOutputs([{ name: 0, key: null, value: "1", timeMs: 1 }]),
  outputNames: ["default"],
  positions: [],
  digest: new Uint8Array(16),
};

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

Deno.test("what something else has added to an output since the run ended is kept, and the run refuses to go on", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n");
  const run = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end"];
  assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  folder.write("out.ndjson", `${folder.read("out.ndjson")}mine\n`);
  folder.write("in.ndjson", "1\n2\n");
  const { code, stderr } = await runCli(run, { cwd: folder.path });
  assertEquals([code, folder.read("out.ndjson")], [1, "1\nmine\n"]);
  assertMatch(stderr, /^Cannot go on writing out\.ndjson: it has 7 bytes, 2 have been committed: something else has/);
  folder.write("out.ndjson", "1\n");
  assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  assertEquals(folder.read("out.ndjson"), "1\n2\n");
});

Deno.test("a file that one run is writing is refused to another one, and free when that has ended", async () => {
  await using folder = new TestFolder();
  const options = { path: folder.at("out.ndjson"), isFolder: false };
  const [first, second] = [new FileSink(options), new FileSink(options)];
  await first.acquire("0", 1n, undefined);
  const error = await assertRejects(
    () => second.acquire("0", 1n, undefined),
    SinkError,
    "something else is writing it",
  );
  assertEquals(error.code, "E_SINK_HELD");
  // Its own task may come back, as after a sandbox that died, while something is still being written.
  for (let epoch = 1n; epoch < 20n; epoch++) {
    const written = first.commit({ ...COMMIT, epoch });
    await first.acquire("0", epoch + 1n, { seq: -1, epoch, receipt: {} });
    await written;
  }
  // So may one that goes on for it, as after a reshard.
  await first.acquire("1", 1n, undefined).catch((error: SinkError) => assertEquals(error.code, "E_SINK_EXISTS"));
  await first.acquire("1", 1n, { seq: -1, epoch: 0n, receipt: {} });
  await first.close();
  // What could not be opened again is not closed twice.
  await assertRejects(() => first.acquire("0", 30n, { seq: 0, epoch: 29n, receipt: { length: 99 } }), SinkError);
  await first.close();
  await second.acquire("0", 1n, undefined);
  await second.close();
});

Deno.test("two outputs that go to one file are written in the order in which they were emitted", async () => {
  await using folder = new TestFolder();
  const body = 'context.emit({ value }, "a"); context.emit({ value: -value }, "b");';
  folder.write("p.ts", scriptOf(body).replace("output: json<any>()", "outputs: { a: json<any>(), b: json<any>() }"));
  folder.write("in.ndjson", "1\n2\n");
  const to = ["--to", "a=out.ndjson", "--to", "b=./out.ndjson"];
  const { code, stderr } = await runCli(["run", "p.ts", "--from", "in.ndjson", ...to, "--until-end"], {
    cwd: folder.path,
  });
  assertEquals([code, folder.read("out.ndjson")], [0, "1\n-1\n2\n-2\n"], stderr);
});

Deno.test("a clock of event times is told of where no input has any", async () => {
  await using folder = new TestFolder();
  folder.write("in.ndjson", '{"at":1}\n');
  const run = (from: string) => {
    const args = ["run", "copy", "--from", from, "--to", "-", "--until-end", "--clock", "event"];
    return runCli([...args, "--name", from.length.toString()], { cwd: folder.path });
  };
  assertMatch((await run("file:in.ndjson")).stderr, /^No input has event times, so time stands still .*\?time=FIELD/);
  assertEquals((await run("file:in.ndjson?time=at")).stderr.includes("event times"), false);
});

Deno.test("pipes and devices are refused as files, without waiting for who writes to them", async () => {
  await using folder = new TestFolder();
  folder.write("in/a.ndjson", ORDERS);
  await new Deno.Command("mkfifo", { args: [folder.at("pipe"), folder.at("in/pipe")] }).output();
  const run = async (from: string, to: string) => {
    const args = ["run", "copy", "--from", from, "--to", to, "--until-end", "--name", from.replaceAll("/", "-")];
    return (await runCli(args, { cwd: folder.path })).stderr;
  };
  for (const from of ["pipe", "in/"]) {
    assertMatch(await run(from, "out.ndjson"), /^Cannot read (?:in\/)?pipe: it is a pipe or a device.*--from -\n/);
  }
  assertMatch(await run("in/a.ndjson", "/dev/null"), /^Cannot write \/dev\/null: .*--to - > \/dev\/null\n/);
});
