/** What a run does as a whole: equal bytes everywhere, signals, pipes, tasks side by side, sandboxes that break. */

import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const EVERYTHING = scriptOf(
  `const n = (context.state.get<number>(value.k) ?? 0) + 1; context.state.set(value.k, n);
   if (n % 3 === 0) context.timers.set(value.k, context.now + 50);
   context.emit({ value: { n, random: Math.random(), id: crypto.randomUUID(), date: new Date().toString(), hour: new Date(value.time).getHours(),
     number: (1234.5).toLocaleString(), text: ["z", "ä", "a"].sort((a, b) => a.localeCompare(b)).join("") } });`,
  { extra: "onTimer({ key, atMs }, context) { context.emit({ value: { key, atMs, at: Date.now() } }); }," },
);

function records(count: number, from = 0): string {
  let lines = "";
  for (let i = from; i < from + count; i++) lines += `{"k":"k${i % 7}","time":${1_700_000_000_000 + i * 20}}\n`;
  return lines;
}

Deno.test("time zone, locale, hour, worker count, isolation and feed size change no byte under --clock event", async () => {
  const variants: readonly (readonly [env: Record<string, string>, args: readonly string[]])[] = [
    [{ TZ: "UTC", LANG: "C" }, []],
    [{ TZ: "America/New_York", LANG: "de_DE.UTF-8", LC_ALL: "de_DE.UTF-8" }, ["--workers", "3"]],
    [{ TZ: "Asia/Kolkata", LANG: "sv_SE.UTF-8" }, ["--isolation", "process", "--workers", "2", "--feed-records", "7"]],
  ];
  let first: string | undefined;
  for (const [env, args] of variants) {
    await using folder = new TestFolder();
    folder.write("p.ts", EVERYTHING);
    for (const part of ["a", "b", "c"]) folder.write(`in/${part}.ndjson`, records(200, part.charCodeAt(0)));
    const { code, stdout, stderr } = await runCli(
      [
        "run",
        "p.ts",
        "--from",
        "file:in?time=time",
        "--to",
        "out/",
        "--until-end",
        "--clock",
        "event",
        "--json",
        ...args,
      ],
      { cwd: folder.path, env },
    );
    assertEquals(code, 0, stderr);
    const { tasks } = JSON.parse(stdout) as { tasks: { task: string; digest: string }[] };
    const outputs = tasks.map(({ task, digest }) => [digest, folder.read(`out/part-${task}.ndjson`)]);
    assertEquals(outputs.length, 3);
    first ??= JSON.stringify(outputs);
    assertEquals(JSON.stringify(outputs), first);
  }
});

Deno.test("another seed gives other random numbers and the same everything else", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value: Math.random() });"));
  folder.write("in.ndjson", "1\n2\n");
  for (const seed of ["1", "2"]) {
    await runCli([
      "run",
      "p.ts",
      "--from",
      "in.ndjson",
      "--to",
      `out${seed}`,
      "--until-end",
      "--seed",
      seed,
      "--name",
      seed,
    ], { cwd: folder.path });
  }
  assertNotEquals(folder.read("out1"), folder.read("out2"));
});

Deno.test("a closed pipe ends a run quietly", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", EVERYTHING);
  folder.write("in.ndjson", records(50_000));
  const child = spawnCli(["run", "p.ts", "--from", "in.ndjson", "--to", "-", "--until-end"], { cwd: folder.path });
  await child.stdin.close();
  const reader = child.stdout.getReader();
  await reader.read();
  await reader.cancel();
  const [{ code }, stderr] = await Promise.all([child.status, new Response(child.stderr).text()]);
  assertEquals([code, stderr], [0, ""]);
});

Deno.test("standard input to standard output, and data alone on standard output", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("console.log('seen', value); context.emit({ value });"));
  for (let again = 0; again < 2; again++) {
    const { code, stdout, stderr } = await runCli(["run", "p.ts", "--from", "-", "--to", "-", "--json"], {
      cwd: folder.path,
      stdin: "1\n2",
    });
    assertEquals([code, stdout], [0, "1\n2\n"]);
    const [summary] = stderr.split("\n").filter((line) => line.startsWith("{"));
    assertEquals(JSON.parse(summary).records, 2);
    assertMatch(stderr, /seen 1/);
  }
});

for (const [signal, exitCode] of [["SIGINT", 130], ["SIGTERM", 0]] as const) {
  Deno.test(`${signal} finishes and commits what is under way and exits with ${exitCode}`, async () => {
    await using folder = new TestFolder();
    folder.write("p.ts", scriptOf("context.emit({ value });"));
    folder.write("in.ndjson", "1\n2\n");
    const child = spawnCli(["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson"], { cwd: folder.path });
    await child.stdin.close();
    await fileReaches(folder.at("out.ndjson"), 4);
    child.kill(signal);
    const { code } = await child.output();
    assertEquals(code, exitCode);
    const resumed = await runCli(
      ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end", "--json"],
      { cwd: folder.path },
    );
    assertEquals(JSON.parse(resumed.stdout).records, 0);
    assertEquals(folder.read("out.ndjson"), "1\n2\n");
  });
}

Deno.test("a growing file is followed", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n");
  const child = spawnCli(["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson"], { cwd: folder.path });
  await child.stdin.close();
  await fileReaches(folder.at("out.ndjson"), 2);
  Deno.writeTextFileSync(folder.at("in.ndjson"), "22\n3", { append: true });
  await fileReaches(folder.at("out.ndjson"), 5);
  Deno.writeTextFileSync(folder.at("in.ndjson"), "33\n", { append: true });
  await fileReaches(folder.at("out.ndjson"), 9);
  child.kill("SIGTERM");
  await child.output();
  assertEquals(folder.read("out.ndjson"), "1\n22\n333\n");
});

Deno.test("a journal is a file, also by a name that means something else to SQLite", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n2\n");
  for (const journal of [":memory:", "file:j.db?mode=memory"]) {
    const args = ["run", "p.ts", "--from", "in.ndjson", "--to", `${journal.length}.ndjson`, "--until-end"];
    const run = () => runCli([...args, "--journal", journal], { cwd: folder.path });
    assertStringIncludes((await run()).stderr, "2 records");
    assertStringIncludes((await run()).stderr, "0 records → 0 outputs");
  }
});

Deno.test("a second run of the same name says who holds it, and another name may run beside it", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n");
  const child = spawnCli(["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson"], { cwd: folder.path });
  await child.stdin.close();
  await fileReaches(folder.at("out.ndjson"), 2);
  const second = await runCli(["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson"], { cwd: folder.path });
  assertEquals(second.code, 1);
  assertMatch(second.stderr, new RegExp(`Cannot start run test: process ${child.pid} on .* is running it`));
  const other = await runCli(["run", "p.ts", "--from", "in.ndjson", "--to", "o2", "--name", "other", "--until-end"], {
    cwd: folder.path,
  });
  assertEquals(other.code, 0, other.stderr);
  child.kill("SIGTERM");
  await child.output();
});

const BREAKS: Readonly<Record<string, readonly [body: string, isolation: string]>> = {
  "an endless loop": ["for (;;);", "worker"],
  "an endless loop in a process": ["for (;;);", "process"],
  "4 GB of allocations in a process": [
    "const all = []; for (;;) all.push(new Array(1e6).fill(all.length));",
    "process",
  ],
  "an exit": ["process.exit(3);", "worker"],
  "a rejection that nobody handles": ["Promise.reject(new Error('lost'));", "worker"],
};

for (const [name, [body, isolation]] of Object.entries(BREAKS)) {
  Deno.test(`${name} costs its record only; other records and tasks go on`, async () => {
    await using folder = new TestFolder();
    folder.write("p.ts", scriptOf(`if (value === "bad") { ${body} } context.emit({ value });`));
    folder.write("in/a.ndjson", '1\n2\n"bad"\n3\n4\n');
    folder.write("in/b.ndjson", "5\n6\n");
    const args = [
      "run",
      "p.ts",
      "--from",
      "in",
      "--to",
      "out/",
      "--until-end",
      "--isolation",
      isolation,
      "--record-timeout",
      "1",
    ]
      .concat(["--on-error", "dead-letter", "--json"]);
    const { code, stdout, stderr } = await runCli(args, { cwd: folder.path });
    assertEquals(code, 0, stderr);
    assertEquals(
      [folder.read("out/part-0.ndjson"), folder.read("out/part-1.ndjson")],
      ["1\n2\n3\n4\n", "5\n6\n"],
      stderr,
    );
    assertEquals(JSON.parse(stdout).deadLetters, 1);
    const replayed = await runCli(["replay", "test"], { cwd: folder.path });
    assertEquals(replayed.code, 0, replayed.stderr);
  });
}

Deno.test("a task that halts does not stop the others", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(`if (value === "bad") throw new Error("no"); context.emit({ value });`));
  folder.write("in/a.ndjson", '1\n"bad"\n2\n');
  folder.write("in/b.ndjson", "5\n6\n");
  const { code, stderr } = await runCli(["run", "p.ts", "--from", "in", "--to", "out/", "--until-end"], {
    cwd: folder.path,
  });
  assertEquals(code, 1);
  assertMatch(stderr, /Cannot process in\/a\.ndjson@2 with test: Error: no/);
  assertEquals([folder.read("out/part-0.ndjson"), folder.read("out/part-1.ndjson")], ["1\n", "5\n6\n"]);
});

async function fileReaches(path: string, bytes: number): Promise<void> {
  const deadlineMs = Date.now() + 20_000;
  for (;;) {
    const size = await Deno.stat(path).then((info) => info.size, () => 0);
    if (size >= bytes) return;
    assert(Date.now() < deadlineMs, `${path} has ${size} bytes, ${bytes} are awaited`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

Deno.test("partitions share as many tasks as are wanted: each record once, in the order of its partition, for good", async () => {
  await using folder = new TestFolder();
  folder.write(
    "p.ts",
    scriptOf("context.emit({ value: { ...value, n: (context.state.get<number>('n') ?? 0) + 1 } });"),
  );
  const parts = ["a", "b", "c", "d", "e"];
  const write = (from: number) => {
    for (const part of parts) {
      const lines = Array.from(
        { length: 40 },
        (_, i) => `{"part":"${part}","i":${from + i},"time":${(from + i) * 10}}\n`,
      );
      Deno.writeTextFileSync(folder.at(`in/${part}.ndjson`), lines.join(""), { append: true });
    }
  };
  Deno.mkdirSync(folder.at("in"));
  write(0);
  const args = ["run", "p.ts", "--from", "file:in?time=time", "--to", "out/", "--until-end", "--quiet", "--name", "job"]
    .concat(["--feed-records", "30"]);
  const run = async (...more: string[]) => {
    const { code, stderr } = await runCli([...args, ...more], { cwd: folder.path });
    assertEquals([code, stderr], [0, ""]);
  };
  await run("--tasks", "2");
  write(40);
  // What was assigned stays assigned, whatever is wanted later.
  await run("--tasks", "4");
  const files = [...Deno.readDirSync(folder.at("out"))].map(({ name }) => name).toSorted();
  assertEquals(files.length, 2);
  const seen = new Map<string, number[]>();
  for (const file of files) {
    for (const line of folder.read(`out/${file}`).trim().split("\n")) {
      const { part, i } = JSON.parse(line);
      seen.set(part, [...seen.get(part) ?? [], i]);
    }
  }
  assertEquals(Object.fromEntries(seen), Object.fromEntries(parts.map((part) => [part, [...Array(80).keys()]])));
  const { code, stderr } = await runCli(["replay", "job"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
});
