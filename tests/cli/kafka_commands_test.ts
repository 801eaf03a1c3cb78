/** `sluice put | tail | streams | lag` on a real broker, and what they say to mistakes. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CliResult, runCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, readTopic, withAdmin, writeTopic } from "../support/kafka.ts";
import { TestFolder } from "../support/processor_script.ts";

async function sluice(args: readonly string[], stdin?: string): Promise<CliResult> {
  return await runCli(args, stdin === undefined ? {} : { stdin });
}

async function uriOf(topic: string): Promise<string> {
  return `kafka://${await kafkaAddress()}/${topic}`;
}

Deno.test("put writes keys, headers and partitions, which Java reads; tail prints what put wrote as an envelope", async () => {
  const topic = await freshTopic(3);
  const uri = await uriOf(topic);
  const put = await sluice(["put", uri, "-K", ":", "-H", "source=test", "-p", "2"], 'ann:{"cents":5}\nno key\n');
  assertEquals([put.code, put.stderr], [0, `2 records written to ${uri}\n`]);
  const seen = (await readTopic(topic)).map(({ partition, key, value, headers }) => [partition, key, value, headers]);
  assertEquals(seen, [[2, "ann", '{"cents":5}', [["source", "test"]]], [2, null, "no key", [["source", "test"]]]]);
  const { stdout } = await sluice(["tail", uri, "-e", "--json", "-c", "1"]);
  const { ts, ...envelope } = JSON.parse(stdout);
  assertEquals(envelope, {
    topic,
    partition: 2,
    offset: 0,
    tstype: "create",
    headers: ["source", "test"],
    key: "ann",
    payload: '{"cents":5}',
  });
  assertEquals(typeof ts, "number");
});

Deno.test("what tail --json prints put --envelope writes again: keys, values, nulls, headers, times", async () => {
  const [from, to] = [await freshTopic(), await freshTopic()];
  const lines = [
    '{"key":"a","payload":"1","ts":1700000000000,"headers":["x","1","y",null]}',
    '{"key":null,"payload":"ü"}',
    '{"key":"gone","payload":null,"ts":5}',
  ].join("\n");
  assertEquals((await sluice(["put", await uriOf(from), "--envelope"], lines)).code, 0);
  const { stdout } = await sluice(["tail", await uriOf(from), "-e", "-J"]);
  assertEquals((await sluice(["put", await uriOf(to), "--envelope", "--json"], stdout)).stdout, '{"records":3}\n');
  assertEquals(await readTopic(to), await readTopic(from));
});

Deno.test("tail understands kcat's offsets, formats and counts", async () => {
  const topic = await freshTopic();
  const records = Array.from({ length: 30 }, (_, i) => ({
    partition: 0,
    key: `k${i}`,
    value: `v${i}`,
    timeMs: 1_700_000_000_000 + i * 1000,
  }));
  await writeTopic(topic, records);
  const uri = await uriOf(topic);
  for (
    const [args, expected] of [
      [["-o", "-3"], "v27\nv28\nv29\n"],
      [["-o", "beginning", "-c", "2"], "v0\nv1\n"],
      [["-o", "28"], "v28\nv29\n"],
      [["-o", "31"], ""],
      [["-o", "end"], ""],
      [["-o", "s@1700000027500"], "v28\nv29\n"],
      [["-o", "-1", "-f", "%t|%p|%o|%k|%K|%s|%S|%T|%%\\n"], `${topic}|0|29|k29|3|v29|3|1700000029000|%\n`],
    ] as const
  ) {
    const { code, stdout, stderr } = await sluice(["tail", uri, "-e", ...args]);
    assertEquals([code, stdout, stderr], [0, expected, ""], args.join(" "));
  }
});

Deno.test("streams lists topics, and shows the offsets, leaders and settings of one", async () => {
  const topic = await freshTopic(2, undefined, { "retention.ms": "-1", "max.message.bytes": "5000" });
  await writeTopic(topic, [{ partition: 1, key: null, value: "x" }]);
  const all = await sluice(["streams", `kafka://${await kafkaAddress()}`]);
  assertMatch(all.stdout, new RegExp(`${topic} +2 +1 +1 +for ever +delete`));
  const one = await sluice(["streams", await uriOf(topic), "--json"]);
  const { partitions, settings } = JSON.parse(one.stdout);
  assertEquals(
    partitions.map(({ first, end }: { first: string; end: string }) => [first, end]),
    [["0", "0"], ["0", "1"]],
  );
  const found = settings.find(({ name }: { name: string }) => name === "max.message.bytes");
  assertEquals(found, { name: "max.message.bytes", value: "5000", isDefault: false });
  assertStringIncludes((await sluice(["streams", await uriOf(topic)])).stdout, "max.message.bytes");
});

Deno.test("lag tells how far a run is behind, and so does its consumer group to ordinary tools", async () => {
  await using folder = new TestFolder();
  const [input, output] = [await freshTopic(2), await freshTopic()];
  await writeTopic(input, Array.from({ length: 10 }, (_, i) => ({ partition: i % 2, key: null, value: `${i}` })));
  const args = ["run", "copy", "--from", await uriOf(input), "--to", await uriOf(output), "--name", input];
  const { code, stderr } = await runCli([...args, "--until-end", "--quiet"], { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  await writeTopic(input, Array.from({ length: 3 }, (_, i) => ({ partition: 1, key: null, value: `${i}` })));
  const lag = await runCli(["lag", input, "--json"], { cwd: folder.path });
  assertEquals(lag.stdout.trim().split("\n").map((line) => JSON.parse(line)), [
    { run: input, task: "0", stream: input, partition: "0", position: "5", end: "5", lag: "0" },
    { run: input, task: "1", stream: input, partition: "1", position: "5", end: "8", lag: "3" },
  ]);
  const [{ partitions }] = await withAdmin((admin) => admin.fetchOffsets({ groupId: input, topics: [input] }));
  assertEquals(partitions.map(({ offset }) => offset).sort(), ["5", "5"]);
});

Deno.test("mistakes are told in one sentence, with what to do", async () => {
  const topic = await freshTopic();
  const uri = await uriOf(topic);
  const address = await kafkaAddress();
  for (
    const [args, code, message] of [
      [["tail", uri, "-f", "%z"], 2, "%z is unknown"],
      [["tail", uri, "-o", "foo"], 2, "an offset, a time (ISO 8601), -N or s@ms is wanted"],
      [["tail", uri, "-p", "7", "-e"], 2, "its partitions are 0"],
      [["put", `kafka://${address}/not-there`], 1, "add ?create=true"],
      [["put", uri, "-H", "nothing"], 2, "name=value is wanted"],
      [["put", uri, "--envelope"], 2, "Cannot put line 1: it is no JSON"],
      [["put", `${uri}?partitions=3`], 2, "add create=true"],
      [["put", "file:x"], 2, "redis://host:port/stream or kinesis://region/stream is wanted"],
      [["streams", "file:x"], 2, "kafka://host:port"],
      [["streams", `kafka://${address}/not-there`], 1, "there is no topic not-there"],
      [["streams", "kafka://127.0.0.1:1"], 1, "ECONNREFUSED"],
      [["tail", `kafka://${address}`], 2, "it names no topic"],
      [["tail", `kafka://${address}/a%b`], 2, "cannot be a topic"],
      [["tail", `${uri}?match=(`], 2, "a regular expression is wanted"],
      [["tail", `${uri}?config=/not/there`], 2, "Cannot read /not/there"],
      [["run", "copy", "--from", `kafka://${address}/not-there`, "--to", "-"], 1, "there is none of that name"],
      [["run", "copy", "--from", uri, "--to", `${uri}?compression=zip`], 2, "gzip"],
    ] as const
  ) {
    const result = await sluice(args, "not an envelope\n");
    assertStringIncludes(result.stderr, message, args.join(" "));
    assertEquals(result.code, code, args.join(" "));
    assertEquals(result.stderr.includes("    at "), false, result.stderr);
  }
});

Deno.test("what is no text is not put, and its line is named; what cannot be printed is marked, and said", async () => {
  await using folder = new TestFolder();
  const topic = await freshTopic();
  const broken = new Uint8Array([...new TextEncoder().encode("ü\n".repeat(60_000)), 0xff, 10, 97, 10]);
  Deno.writeFileSync(folder.at("broken"), broken);
  const refused = await sluice(["put", await uriOf(topic), "--file", folder.at("broken")]);
  assertEquals(refused.code, 2);
  assertStringIncludes(refused.stderr, "Cannot put line 60001: it is no valid UTF-8");
  Deno.writeFileSync(folder.at("whole"), broken.subarray(0, 120_000));
  const other = await freshTopic();
  assertEquals((await sluice(["put", await uriOf(other), "--file", folder.at("whole")])).code, 0);
  assertEquals((await readTopic(other)).every(({ value }) => value === "ü"), true);
  const kcat = new Deno.Command("kcat", { args: ["-P", "-b", await kafkaAddress(), "-t", topic], stdin: "piped" })
    .spawn();
  await ReadableStream.from([new Uint8Array([0xff, 10])]).pipeTo(kcat.stdin);
  await kcat.status;
  const { stdout, stderr } = await sluice(["tail", await uriOf(topic), "-e", "-o", "-1"]);
  assertEquals(stdout, "\ufffd\n");
  assertStringIncludes(stderr, "Some of this is no valid UTF-8");
});
