/** Kinesis as a source, on an emulator: runs, positions as sequence numbers, aggregates, replay, and what is said to mistakes. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KinesisSource } from "../../adapters/kinesis/source.ts";
import { runCli } from "../support/cli.ts";
import { aggregate, freshStream, kinesisEndpoint, putRecords } from "../support/kinesis.ts";
import { KinesisProxy } from "../support/kinesis_proxy.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const BODY = `const sum = (context.state.get<number>("sum") ?? 0) + value.n; context.state.set("sum", sum);
  context.emit({ key, value: { n: value.n, sum, offset: String(record.offset) } });`;

async function uriOf(stream: string, query = ""): Promise<string> {
  return `kinesis://us-east-1/${stream}?endpoint=${await kinesisEndpoint()}&callsPerSecond=50${query}`;
}

Deno.test("a stream with plain and aggregated records is run, resumed, replayed and looked into by sequence numbers", async () => {
  const { stream } = await freshStream();
  const json = (n: number) => JSON.stringify({ n });
  const inside = [10, 11, 12].map((n) => ({ key: "inner", value: new TextEncoder().encode(json(n)) }));
  await putRecords(stream, [
    { key: "a", value: json(1) },
    { key: "outer", value: aggregate(inside) },
    { key: "b", value: json(2) },
  ]);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(BODY));
  const run = ["run", "p.ts", "--from", await uriOf(stream), "--to", "out.ndjson", "--until-end", "--quiet"]
    .concat(["--feed-records", "2"]);
  const sluice = async (args: readonly string[], code = 0) => {
    const result = await runCli(args, { cwd: folder.path });
    assertEquals(result.code, code, result.stderr);
    return result;
  };
  await sluice(run);
  const lines = () => folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line));
  assertEquals(lines().map(({ n }) => n), [1, 10, 11, 12, 2]);
  await putRecords(stream, [{ key: "c", value: json(3) }]);
  await sluice(run);
  assertEquals(lines().map(({ sum }) => sum), [1, 11, 22, 34, 36, 39]);
  await sluice(["replay", "test"]);
  const shown = await sluice(["journal", "show", "test", "--feeds", "0"]);
  assertMatch(shown.stdout, /shardId-000000000000 the oldest record to \d{50,56}\.\d+: 2 records/);
  const why = await sluice(["why", "test", '{"n":11}', "--json"]);
  const { record, key } = JSON.parse(why.stdout);
  assertEquals(key, "inner");
  const place = `${stream}/${record.partition}@${BigInt(record.offset) >> 32n}.${BigInt(record.offset) % (1n << 32n)}`;
  assertEquals((await sluice(["state", "test", "--at", place])).stdout, "sum\t22\n");
});

Deno.test("who reads again what somebody else has read meanwhile gets it, though there was nothing at the last call", async () => {
  const { stream, ...address } = await freshStream();
  // The next call is a long time off.
  const options = { ...address, stream, start: "earliest", isBounded: false, callsPerSecond: 0.5 } as const;
  const source = await KinesisSource.open(options);
  const [at] = await source.partitions();
  const limit = { recordsMax: 10, bytesMax: 1000 };
  const from = await source.start();
  while ((await source.read(at, from, limit)).kind !== "idle");
  await putRecords(stream, [{ key: "a", value: '{"n":1}' }]);
  assertEquals((await source.read(at, from, limit)).kind, "idle");
  assertEquals((await source.read(at, from, { ...limit, looksAgain: true })).kind, "batch");
  await source.close();
});

Deno.test("latest is pinned when the run starts: what arrives later is read, what was there is not", async () => {
  const { stream } = await freshStream();
  await putRecords(stream, [{ key: "a", value: '{"n":1}' }]);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(BODY));
  const run = [
    "run",
    "p.ts",
    "--from",
    await uriOf(stream, "&start=latest"),
    "--to",
    "out.ndjson",
    "--until-end",
    "--quiet",
  ];
  assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  await putRecords(stream, [{ key: "a", value: '{"n":2}' }]);
  assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  assertEquals(folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line).n), [2]);
});

Deno.test("latest is a time that a service with a slower clock does not know yet: what comes is read all the same", async () => {
  const { stream } = await freshStream();
  await using proxy = await KinesisProxy.start(await kinesisEndpoint(), (action, nth) => {
    return action === "GetShardIterator" && nth < 2
      ? { kind: "refuse", error: "InvalidArgumentException", status: 400 }
      : undefined;
  });
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf(BODY));
  const from = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&callsPerSecond=50&start=latest`;
  const run = ["run", "p.ts", "--from", from, "--to", "out.ndjson", "--until-end", "--quiet"];
  assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  await putRecords(stream, [{ key: "a", value: '{"n":1}' }]);
  // Two refusals: each is a look at a shard that has nothing so far.
  for (let i = 0; i < 2; i++) assertEquals((await runCli(run, { cwd: folder.path })).code, 0);
  assertEquals(folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line).n), [1]);
});

Deno.test("all of 250 shards are found, however few a page of their list has, and read by two tasks (M17)", async () => {
  const { stream } = await freshStream(250);
  await using proxy = await KinesisProxy.start(await kinesisEndpoint());
  proxy.rewrites.set("ListShards", (request) => ({ ...request, MaxResults: 40 }));
  await putRecords(stream, Array.from({ length: 500 }, (_, n) => ({ key: `k${n}`, value: JSON.stringify({ n }) })));
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ key, value });"));
  const from = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&callsPerSecond=100`;
  const run = ["run", "p.ts", "--from", from, "--to", "out/", "--tasks", "2", "--until-end", "--quiet"];
  const result = await runCli(run, { cwd: folder.path });
  assertEquals(result.code, 0, result.stderr);
  assert(proxy.seen("ListShards") >= 7);
  const parts = ["part-0.ndjson", "part-1.ndjson"].map((name) => folder.read(`out/${name}`).trim().split("\n"));
  const found = parts.flat().map((line) => JSON.parse(line).n as number).sort((a, b) => a - b);
  assertEquals(found, Array.from({ length: 500 }, (_, n) => n));
});

Deno.test("mistakes are told in a sentence", async () => {
  const cases: readonly (readonly [uri: string, code: number, says: string])[] = [
    ["kinesis://orders", 2, "kinesis://REGION/STREAM is wanted"],
    ["kinesis://us-east-1/orders?endpoint=nowhere", 2, "its endpoint is no URL"],
    ["kinesis://us-east-1/orders?begin=latest", 2, "begin is unknown"],
    ["kinesis://us-east-1/orders?start=soon", 2, "start is soon"],
    [await uriOf("nobody"), 1, "there is no such stream in us-east-1"],
  ];
  for (const [uri, code, says] of cases) {
    const result = await runCli(["run", "copy", "--from", uri, "--to", "-", "--until-end"]);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
  }
});
