/** What a run writes to topics: one transaction, partitions, headers, limits; and the ways from and to other systems. */

import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { type CliResult, runCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, readTopic, withAdmin, writeTopic } from "../support/kafka.ts";
import { TestFolder } from "../support/processor_script.ts";

const address = await kafkaAddress();
const uri = (topic: string) => `kafka://${address}/${topic}`;
const lines = (count: number) => Array.from({ length: count }, (_, i) => `${i}\n`).join("");

function script(body: string, outputs = "output: json<any>()"): string {
  return `import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "test", ${
    outputs.startsWith("outputs") ? "inputs: { default: json<any>() }" : "input: json<any>()"
  }, ${outputs},
  process({ value, headers }, { emit }) { void headers; ${body} },
});
`;
}

async function run(folder: TestFolder, ...args: readonly string[]): Promise<CliResult> {
  const first = ["run", "p.ts", "--until-end", "--quiet", "--name", `run-${crypto.randomUUID()}`];
  return await runCli([...first, ...args], { cwd: folder.path });
}

async function fromFile(body: string, to: readonly string[], count: number, outputs?: string): Promise<CliResult> {
  await using folder = new TestFolder();
  folder.write("in.ndjson", lines(count));
  folder.write("p.ts", script(body, outputs));
  return await run(folder, "--from", "in.ndjson", ...to);
}

Deno.test("outputs go to several topics in one transaction, each with its own options", async () => {
  const [evens, odds] = [await freshTopic(2), await freshTopic()];
  const to = ["--to", `even=${uri(evens)}?compression=zstd`, "--to", `odd=${uri(odds)}?origin=true`];
  const body = `emit({ key: String(value), value }, value % 2 === 0 ? "even" : "odd");`;
  const outputs = "outputs: { even: json<any>(), odd: json<any>() }";
  const { code, stderr } = await fromFile(body, to, 20, outputs);
  assertEquals([code, stderr], [0, ""]);
  const values = async (topic: string) =>
    (await readTopic(topic)).map(({ value }) => Number(value)).sort((a, b) => a - b);
  assertEquals(await values(evens), Array.from({ length: 10 }, (_, i) => 2 * i));
  assertEquals(await values(odds), Array.from({ length: 10 }, (_, i) => 2 * i + 1));
  const [{ headers: [[name, origin]] }] = await readTopic(odds);
  assertEquals(name, "sluice.origin");
  assertMatch(origin!, /^run-[0-9a-f-]+\/0\/0\/1$/);
});

Deno.test("an output names its partition, or its key decides, or its feed does; headers are passed on", async () => {
  const topic = await freshTopic(4);
  const { code, stderr } = await fromFile(
    `emit({ value, partition: value % 3, headers: { n: String(value), none: null } });
     emit({ key: "same", value }); emit({ value });`,
    ["--to", uri(topic)],
    9,
  );
  assertEquals([code, stderr], [0, ""]);
  const read = await readTopic(topic);
  const named = read.filter(({ headers }) => headers.length > 0);
  assertEquals(named.length, 9);
  for (const { partition, value, headers } of named) {
    assertEquals([partition, headers], [Number(value) % 3, [["n", value], ["none", null]]]);
  }
  assertEquals(new Set(read.filter(({ key }) => key === "same").map(({ partition }) => partition)).size, 1);
  assertEquals(
    new Set(read.filter(({ key, headers }) => key === null && headers.length === 0).map(({ partition }) => partition))
      .size,
    1,
  );
});

Deno.test("a partition that there is not, and a record that is too large, stop the task before its transaction", async () => {
  const topic = await freshTopic(2, undefined, { "max.message.bytes": "10000" });
  const outside = await fromFile("emit({ value, partition: value });", ["--to", uri(topic)], 3);
  assertEquals(outside.code, 1);
  assertStringIncludes(outside.stderr, "Cannot write output 2 of feed 0, task 0");
  assertStringIncludes(outside.stderr, "it is to go to partition 2, the topic has 2");
  const large = await fromFile(`emit({ value: "x".repeat(value * 6000) });`, ["--to", uri(topic)], 3);
  assertEquals(large.code, 1);
  assertStringIncludes(large.stderr, "the topic takes 10000; raise its max.message.bytes");
  assertEquals(await readTopic(topic), []);
  // Squeezed, it fits.
  const squeezed = await fromFile(`emit({ value: "x".repeat(value * 6000) });`, [
    "--to",
    `${uri(topic)}?compression=gzip`,
  ], 3);
  assertEquals([squeezed.code, squeezed.stderr], [0, ""]);
  assertEquals((await readTopic(topic)).length, 3);
});

Deno.test("a topic is made on request, with partitions and settings; a missing one is an error that says so", async () => {
  const topic = `made-${crypto.randomUUID()}`;
  const missing = await fromFile("emit({ value });", ["--to", uri(topic)], 1);
  assertEquals(missing.code, 1);
  assertStringIncludes(missing.stderr, "add ?create=true&partitions=N");
  const made = await fromFile(
    "emit({ key: String(value), value });",
    ["--to", `${uri(topic)}?create=true&partitions=5&topic.retention.ms=12345678`],
    10,
  );
  assertEquals([made.code, made.stderr], [0, ""]);
  assertEquals((await readTopic(topic)).length, 10);
  const { resources: [{ configEntries }] } = await withAdmin((admin) =>
    admin.describeConfigs({
      includeSynonyms: false,
      resources: [{ type: 2, name: topic, configNames: ["retention.ms"] }],
    })
  );
  assertEquals(configEntries[0].configValue, "12345678");
});

Deno.test("a topic that the broker refuses to make is told of with what was wrong", async () => {
  const refused = {
    "topic.retention.ms=long": "INVALID_CONFIG",
    "topic.no.such=1": "INVALID_CONFIG",
    "replicas=7": "INVALID_REPLICATION_FACTOR",
  };
  for (const [options, name] of Object.entries(refused)) {
    const to = `${uri(`refused-${crypto.randomUUID()}`)}?create=true&${options}`;
    const { code, stderr } = await fromFile("emit({ value });", ["--to", to], 1);
    assertEquals(code, 1);
    assertMatch(stderr, new RegExp(`Cannot make topic refused-\\S+: the broker answered ${name} \\(\\d+\\); .*\\?`));
  }
});

Deno.test("outputs that carry older times than their topic keeps are told of; times the broker refuses are explained", async () => {
  const topic = await freshTopic(1, undefined, { "retention.ms": "86400000" });
  const old = await fromFile("emit({ value, timeMs: 1_600_000_000_000 });", ["--to", uri(topic)], 3);
  assertEquals(old.code, 0);
  assertStringIncludes(old.stderr, "will drop outputs soon after they are written");
  const early = await fromFile("emit({ value, timeMs: 4_000_000_000_000 });", ["--to", uri(topic)], 3);
  assertEquals(early.code, 1);
  assertStringIncludes(early.stderr, "message.timestamp.after.max.ms");
});

Deno.test("keys go to the partitions that Java's producer sends them to", async () => {
  const [ours, theirs] = [await freshTopic(7), await freshTopic(7)];
  await using folder = new TestFolder();
  const keys = Array.from({ length: 200 }, (_, i) => `${"k".repeat(i % 9)}${i}ü`);
  folder.write("in.ndjson", keys.map((key) => JSON.stringify(key) + "\n").join(""));
  folder.write("p.ts", script("emit({ key: value, value });"));
  assertEquals((await run(folder, "--from", "in.ndjson", "--to", uri(ours))).code, 0);
  const { Kafka, Partitioners, logLevel } = await import("kafkajs");
  const kafka = new Kafka({ clientId: "test", brokers: [address], logLevel: logLevel.NOTHING });
  // kafkajs's default partitioner is the one of Java since its version 2.
  const producer = kafka.producer({ createPartitioner: Partitioners.DefaultPartitioner });
  await producer.connect();
  await producer.send({ topic: theirs, messages: keys.map((key) => ({ key, value: key })) });
  await producer.disconnect();
  const places = async (topic: string) =>
    Object.fromEntries((await readTopic(topic)).map(({ key, partition }) => [key, partition]));
  assertEquals(await places(ours), await places(theirs));
});

Deno.test("file to Kafka, Kafka to file and Kafka to standard output carry every record once", async () => {
  const topic = await freshTopic(3);
  await using folder = new TestFolder();
  folder.write("in.ndjson", lines(1000));
  folder.write("p.ts", script("emit({ key: String(value), value });"));
  const into = await run(folder, "--from", "in.ndjson", "--to", uri(topic), "--feed-records", "100");
  assertEquals([into.code, into.stderr], [0, ""]);
  const out = await run(folder, "--from", uri(topic), "--to", "out/", "--feed-records", "100");
  assertEquals([out.code, out.stderr], [0, ""]);
  const numbers = (text: string) => text.split("\n").filter((line) => line !== "").map(Number).sort((a, b) => a - b);
  const written = [...Deno.readDirSync(folder.at("out"))].map(({ name }) => folder.read(`out/${name}`)).join("");
  assertEquals(numbers(written), numbers(lines(1000)));
  const printed = await run(folder, "--from", uri(topic), "--to", "-");
  assertEquals(numbers(printed.stdout), numbers(lines(1000)));
});

Deno.test("file to Kafka and Kafka to file, killed after every step, end as if they had never been killed", async () => {
  const topic = await freshTopic();
  await using folder = new TestFolder();
  folder.write("in.ndjson", lines(1000));
  folder.write("p.ts", script("emit({ key: String(value), value });"));
  for (const [from, to] of [["in.ndjson", uri(topic)], [uri(topic), "out.ndjson"]]) {
    const args = ["run", "p.ts", "--from", from, "--to", to, "--until-end", "--quiet", "--name", `to ${to.slice(-12)}`]
      .concat(["--feed-records", "50"]);
    let seq = 1;
    for (const step of ["sealed", "processed", "prepared", "committed", "settled"]) {
      const crashed = await runCli(args, { cwd: folder.path, crashAt: `${step}:${seq}` });
      assertEquals(crashed.signal, "SIGKILL", crashed.stderr);
      seq += 3;
    }
    assertEquals((await runCli(args, { cwd: folder.path })).code, 0);
  }
  assertEquals((await readTopic(topic)).map(({ value }) => `${value}\n`).join(""), lines(1000));
  assertEquals(folder.read("out.ndjson"), lines(1000));
});

Deno.test("a tombstone is a record without value, on both sides", async () => {
  const [from, to] = [await freshTopic(), await freshTopic()];
  await writeTopic(from, [{ partition: 0, key: "a", value: "1" }, { partition: 0, key: "a", value: null }]);
  await using folder = new TestFolder();
  const { code, stderr } = await runCli(
    ["run", "copy", "--from", uri(from), "--to", uri(to), "--until-end", "--quiet", "--name", to],
    { cwd: folder.path },
  );
  assertEquals([code, stderr], [0, ""]);
  assertEquals((await readTopic(to)).map(({ key, value }) => [key, value]), [["a", "1"], ["a", null]]);
});

Deno.test("a run that cannot go on with other outputs makes no topic for them", async () => {
  const [topic, other] = [await freshTopic(), `other-${crypto.randomUUID()}`];
  await using folder = new TestFolder();
  folder.write("in.ndjson", lines(3));
  folder.write("p.ts", script("emit({ value });"));
  const name = ["--name", `kept-${crypto.randomUUID()}`];
  const first = await run(folder, "--from", "in.ndjson", "--to", uri(topic), ...name);
  assertEquals([first.code, first.stderr], [0, ""]);
  const second = await run(folder, "--from", "in.ndjson", "--to", `${uri(other)}?create=true`, ...name);
  assertEquals(second.code, 1);
  assertStringIncludes(second.stderr, "its sink is");
  assertEquals((await withAdmin((admin) => admin.listTopics())).includes(other), false);
});
