/** Shards that are split and merged, on an emulator: keys keep their order, and what was kept under them follows. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { freshStream, kinesisEndpoint, mergeShards, putRecords, splitShard, withKinesis } from "../support/kinesis.ts";
import { readParts } from "../support/output_parts.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const KEYS = ["a", "b", "c", "d", "e", "f", "g"];
/** Kept under names of its own: whose they are is not to be seen from them. */
const COUNT_BY_KEY = `const name = "count of " + key;
  const count = (context.state.get<number>(name) ?? 0) + 1; context.state.set(name, count);
  context.emit({ key, value: { key, n: value.n, count } });`;

async function uriOf(stream: string): Promise<string> {
  return `kinesis://us-east-1/${stream}?endpoint=${await kinesisEndpoint()}&callsPerSecond=50`;
}

async function put(stream: string, from: number, to: number): Promise<void> {
  const records = [];
  for (let n = from; n < to; n++) {
    for (const key of KEYS) records.push({ key, value: JSON.stringify({ n }) });
  }
  await putRecords(stream, records);
}

interface Counted {
  readonly key: string;
  readonly n: number;
  readonly count: number;
}

/** Every key's records in the order in which tasks wrote them. */
function countedIn(folder: TestFolder, name: string): Map<string, Counted[]> {
  return Map.groupBy(readParts<Counted>(folder, name), ({ key }) => key);
}

function assertCounted(counted: Map<string, Counted[]>, records: number): void {
  const wanted = Array.from({ length: records }, (_, n) => ({ n, count: n + 1 }));
  for (const key of KEYS) {
    assertEquals(counted.get(key)?.map(({ n, count }) => ({ n, count })), wanted, `key ${key}`);
  }
}

Deno.test("state follows its keys through splits and merges, across runs and tasks", async () => {
  const { stream } = await freshStream(2);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(COUNT_BY_KEY));
  const run = ["run", "p.ts", "--from", await uriOf(stream), "--to", "out/", "--until-end", "--quiet"];
  const sluice = async (args: readonly string[], code = 0) => {
    const result = await runCli(args, { cwd: folder.path });
    assertEquals(result.code, code, result.stderr);
    return result;
  };
  await put(stream, 0, 10);
  await sluice(run);
  await withKinesis((client) => splitShard(client, stream, 0, 0.4));
  await put(stream, 10, 20);
  await withKinesis((client) => mergeShards(client, stream, 1));
  await put(stream, 20, 30);
  const resharded = await sluice(run);
  assertStringIncludes(resharded.stderr, "state has moved with its keys");
  assertCounted(countedIn(folder, "out"), 30);
  await withKinesis((client) => splitShard(client, stream, 1));
  await put(stream, 30, 40);
  await sluice(run);
  assertCounted(countedIn(folder, "out"), 40);
  await sluice(["journal", "verify"]);
  const tasks = (await sluice(["journal", "show", "test", "--json"])).stdout.trim().split("\n")
    .map((line) => JSON.parse(line)).filter(({ event }) => event === "resharded");
  assertEquals(tasks.map(({ detail }) => detail.from), [["0"], ["1", "3"], ["4"]]);
  for (let task = 0; task < 7; task++) await sluice(["replay", "test", "--task", String(task)]);
});

Deno.test("one task goes on with everything, also with a file of its own and totals over all keys", async () => {
  const { stream } = await freshStream(2);
  await using folder = new TestFolder();
  folder.write(
    "p.ts",
    scriptOf(`const total = (context.state.get<number>("total") ?? 0) + 1; context.state.set("total", total);
      context.emit({ key, value: { n: value.n, total } });`),
  );
  const run = ["run", "p.ts", "--from", await uriOf(stream), "--to", "out.ndjson", "--until-end", "--quiet"];
  for (const [from, reshard] of [[0, splitShard], [10, mergeShards], [20, splitShard], [30, mergeShards]] as const) {
    await put(stream, from, from + 10);
    await withKinesis((client) => reshard(client, stream, 0));
    const result = await runCli(run, { cwd: folder.path });
    assertEquals(result.code, 0, result.stderr);
    const lines = folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line));
    assertEquals(lines.map(({ total }) => total), lines.map((_, i) => i + 1));
    assertEquals(lines.length, (from + 10) * KEYS.length);
  }
});

Deno.test("what no key owns is not united by guessing: the run stops, and says which name it is", async () => {
  const { stream } = await freshStream(2);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(`context.state.set("last", value.n * 100 + key.charCodeAt(0));`));
  const run = ["run", "p.ts", "--from", await uriOf(stream), "--to", "out/", "--until-end", "--quiet"];
  await put(stream, 0, 1);
  await withKinesis((client) => mergeShards(client, stream, 0));
  const result = await runCli(run, { cwd: folder.path });
  assertEquals(result.code, 1);
  assertStringIncludes(
    result.stderr,
    'Cannot hand over the state of task 0 and 1: "last" has different values in them',
  );
  assertStringIncludes(result.stderr, "--tasks 1");
});

Deno.test("timers follow their keys and fire once; a retired task is not rewound", async () => {
  const { stream } = await freshStream(1);
  await using folder = new TestFolder();
  const onTimer = `onTimer(timer, context) {
    const seen = context.state.get("seen " + timer.key.slice(6));
    context.emit({ key: timer.key, value: { closed: timer.key, seen } });
  }`;
  folder.write(
    "p.ts",
    scriptOf(
      `context.state.set("seen " + key, value.n); context.timers.set("close " + key, context.now + 3_600_000);`,
      { extra: onTimer },
    ),
  );
  const run = [
    "run",
    "p.ts",
    "--from",
    await uriOf(stream),
    "--to",
    "out/",
    "--until-end",
    "--quiet",
    "--clock",
    "event",
  ];
  await put(stream, 0, 3);
  await withKinesis((client) => splitShard(client, stream, 0));
  await put(stream, 3, 5);
  await withKinesis((client) => splitShard(client, stream, 1));
  const result = await runCli(run, { cwd: folder.path });
  assertEquals(result.code, 0, result.stderr);
  const closed = [...Deno.readDirSync(folder.at("out"))].flatMap(({ name }) =>
    folder.read(`out/${name}`).split("\n").filter(Boolean).map((line) => JSON.parse(line))
  ).sort((a, b) => a.closed < b.closed ? -1 : 1);
  assertEquals(closed, KEYS.map((key) => ({ closed: `close ${key}`, seen: 4 })));
  const rewound = await runCli(["rewind", "test", "--task", "0", "--to-feed", "0"], { cwd: folder.path });
  assertEquals(rewound.code, 1);
  assertStringIncludes(rewound.stderr, "Cannot rewind task 0: its partitions were split or merged, task 1, 2 goes on");
});

Deno.test("a run that begins with the latest record reads nothing of shards that were closed before, all that comes later", async () => {
  const { stream } = await freshStream(1);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(COUNT_BY_KEY));
  await put(stream, 0, 3);
  await withKinesis((client) => splitShard(client, stream, 0));
  await put(stream, 3, 5);
  const uri = `${await uriOf(stream)}&start=latest`;
  const run = ["run", "p.ts", "--from", uri, "--to", "out/", "--until-end", "--quiet"];
  assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  await put(stream, 5, 7);
  await withKinesis((client) => splitShard(client, stream, 0));
  await put(stream, 7, 9);
  const result = await runCli(run, { cwd: folder.path });
  assertEquals(result.code, 0, result.stderr);
  const counted = countedIn(folder, "out");
  for (const key of KEYS) assertEquals(counted.get(key)?.map(({ n }) => n), [5, 6, 7, 8], `key ${key}`);
});
