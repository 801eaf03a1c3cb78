/** What a run does with its input topics: where it begins, what is trimmed, what is added, what was compacted. */

import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { KafkaSource } from "../../adapters/kafka/source.ts";
import { SqliteJournal } from "../../controller/journal/sqlite_journal.ts";
import { type CliResult, runCli, spawnCli } from "../support/cli.ts";
import {
  freshTopic,
  kafkaAddress,
  type KafkaRecord,
  readTopic,
  runJava,
  withAdmin,
  writeTopic,
} from "../support/kafka.ts";
import { ended } from "../support/kafka_job.ts";
import { readPartition } from "../support/read_source.ts";
import { TestFolder } from "../support/processor_script.ts";

const address = await kafkaAddress();
const EVERY = { partitionCheckMs: 200 };

function records(from: number, to: number, partition = 0): KafkaRecord[] {
  return Array.from({ length: to - from }, (_, i) => ({
    partition,
    key: null,
    value: String(from + i),
    timeMs: 1_700_000_000_000 + (from + i) * 1000,
  }));
}

async function copy(folder: TestFolder, from: string, ...more: readonly string[]): Promise<CliResult> {
  const args = ["run", "copy", "--from", `kafka://${address}/${from}`, "--to", "out/", "--until-end", "--quiet"];
  return await runCli([...args, ...more], { cwd: folder.path });
}

async function openBounded(topic: string): Promise<KafkaSource> {
  const settings = new Map();
  return await KafkaSource.open({ brokers: [address], topics: [topic], isBounded: true, start: "earliest", settings });
}

/** The lines of all parts, sorted as numbers. */
function outputOf(folder: TestFolder): readonly number[] {
  const lines = [...Deno.readDirSync(folder.at("out"))].flatMap(({ name }) => folder.read(`out/${name}`).split("\n"));
  return lines.filter((line) => line !== "").map(Number).sort((a, b) => a - b);
}

function range(from: number, to: number): readonly number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

async function until(condition: () => boolean): Promise<void> {
  for (const deadlineMs = performance.now() + 30_000; !condition();) {
    if (performance.now() > deadlineMs) throw new Error("it never became true");
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function wasRead(folder: TestFolder, count: number): boolean {
  try {
    return outputOf(folder).length >= count;
  } catch {
    return false;
  }
}

Deno.test("a run begins at the earliest record, at an offset, at a time, or before the last ones", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 20));
  for (
    const [start, first] of [["earliest", 0], ["7", 7], ["2023-11-14T22:13:32Z", 12], ["s@1700000012000", 12], [
      "-3",
      17,
    ]]
  ) {
    await using folder = new TestFolder();
    const { code, stderr } = await copy(folder, `${topic}?start=${start}`);
    assertEquals([code, stderr], [0, ""]);
    assertEquals(outputOf(folder), range(Number(first), 20), String(start));
  }
});

Deno.test("a run does not begin behind the end of a partition, and leaves nothing behind that would have to", async () => {
  const topic = await freshTopic(2);
  await writeTopic(topic, records(0, 5));
  await using folder = new TestFolder();
  const refused = await copy(folder, `${topic}?start=5`);
  assertEquals(refused.code, 1);
  assertStringIncludes(refused.stderr, `Cannot begin ${topic}/1 at offset 5: it has offsets 0 to 0; `);
  const { code, stderr } = await copy(folder, `${topic}?start=0`);
  assertEquals([code, stderr, outputOf(folder)], [0, "", range(0, 5)]);
});

Deno.test("a bounded topic ends where it ended when its reader began, whatever is written meanwhile", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 10));
  const source = await openBounded(topic);
  const at = { stream: topic, partition: "0" };
  // The first read pins the end; what is written now lies behind it.
  const first = await source.read(at, 0n, { recordsMax: 1, bytesMax: 1 << 20 });
  assertEquals(first.kind, "idle");
  await writeTopic(topic, records(10, 20));
  const read = await readPartition(source, at, 0n, { recordsMax: 7, bytesMax: 1 << 20 });
  assertEquals(read.map(({ value }) => Number(value)), range(0, 10));
  await source.close();
});

Deno.test("start=latest is one offset, journaled before anything is read: also after a crash nothing is passed over", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 5));
  await using folder = new TestFolder();
  const args = ["run", "copy", "--from", `kafka://${address}/${topic}?start=latest`, "--to", "out/", "--quiet"];
  const child = spawnCli(args, { cwd: folder.path });
  await until(() => {
    try {
      const journal = SqliteJournal.openReader(folder.at(".sluice/journal.db"));
      const tasks = journal.tasks(journal.run("copy")!);
      journal.close();
      return tasks.length > 0;
    } catch {
      return false;
    }
  });
  child.kill("SIGKILL");
  await ended(child);
  await writeTopic(topic, records(5, 9));
  const { code, stderr } = await copy(folder, `${topic}?start=latest`);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(outputOf(folder), range(5, 9));
});

async function trim(topic: string, offset: number, partition = 0): Promise<void> {
  await withAdmin(async (admin) => {
    // kafkajs looks for the leader in what it knows already.
    await admin.fetchTopicOffsets(topic);
    await admin.deleteTopicRecords({ topic, partitions: [{ partition, offset: String(offset) }] });
  });
}

Deno.test("records that were trimmed before they were read stop the run; --accept-gap journals what is lost and goes on", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 10));
  await using folder = new TestFolder();
  assertEquals((await copy(folder, topic)).code, 0);
  await writeTopic(topic, records(10, 30));
  await trim(topic, 15);
  const stopped = await copy(folder, topic);
  assertEquals(stopped.code, 1);
  assertMatch(stopped.stderr, /offset 10 is gone, the first left is 15; .*--accept-gap to go on at 15/);
  assertEquals(outputOf(folder), range(0, 10));
  const went = await copy(folder, topic, "--accept-gap");
  assertEquals(went.code, 0, went.stderr);
  assertStringIncludes(went.stderr, `goes on without ${topic}/0 from offset 10 to 15`);
  assertEquals(outputOf(folder), [...range(0, 10), ...range(15, 30)]);
  const shown = await runCli(["journal", "show", "copy", "--json"], { cwd: folder.path });
  const event = shown.stdout.split("\n").map((line) => JSON.parse(line || "{}")).find(({ event }) =>
    event === "gap accepted"
  );
  assertEquals([event.detail.stream, event.detail.from, event.detail.to], [topic, "10", "15"]);
  const replayed = await runCli(["replay", "copy"], { cwd: folder.path });
  assertEquals(replayed.code, 3);
  assertStringIncludes(replayed.stdout + replayed.stderr, "the first offset left is 15");
});

Deno.test("a feed that was captured is replayed although its topic was trimmed", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 10));
  await using folder = new TestFolder();
  assertEquals((await copy(folder, topic, "--capture", "all")).code, 0);
  await trim(topic, 10);
  const { code, stderr } = await runCli(["replay", "copy"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
});

Deno.test("feeds are replayed from the broker, byte for byte", async () => {
  const topic = await freshTopic(2);
  await writeTopic(topic, [...records(0, 500), ...records(500, 1000, 1)]);
  await using folder = new TestFolder();
  assertEquals((await copy(folder, topic, "--feed-records", "70")).code, 0);
  const { code, stdout, stderr } = await runCli(["replay", "copy", "--json"], { cwd: folder.path });
  assertEquals(code, 0, stderr);
  assertEquals(JSON.parse(stdout).records, 1000);
});

Deno.test("a topic that was deleted and made anew is another one: the run stops", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 10));
  await using folder = new TestFolder();
  assertEquals((await copy(folder, topic)).code, 0);
  await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true }));
  await writeTopic(topic, records(100, 130));
  const { code, stderr } = await copy(folder, topic);
  assertEquals(code, 1);
  assertStringIncludes(stderr, "the topic was deleted and made anew");
  assertEquals(outputOf(folder), range(0, 10));
});

Deno.test("partitions that are added while a run reads are read too, and the journal says so", async () => {
  const topic = await freshTopic(1);
  await writeTopic(topic, records(0, 10));
  await using folder = new TestFolder();
  const args = ["run", "copy", "--from", `kafka://${address}/${topic}`, "--to", "out/", "--quiet"];
  const env = { SLUICE_TEST_LIMITS: JSON.stringify(EVERY) };
  const child = spawnCli(args, { cwd: folder.path, env, crashAt: "never" });
  const finished = ended(child);
  await until(() => wasRead(folder, 10));
  await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
  await writeTopic(topic, [...records(10, 20, 1), ...records(20, 30, 2)]);
  // The producer of this test may write twice while a broker has not heard of the partitions: what counts is what is there.
  const there = (await readTopic(topic)).map(({ value }) => Number(value)).sort((a, b) => a - b);
  await until(() => wasRead(folder, there.length));
  child.kill("SIGTERM");
  const { code, stderr } = await finished;
  assertEquals(code, 0, stderr);
  // A broker may tell of one before the other.
  for (const partition of [1, 2]) assertMatch(stderr, new RegExp(`New: .*${topic}/${partition}`));
  assertEquals(outputOf(folder), there);
  const shown = await runCli(["journal", "show", "copy"], { cwd: folder.path });
  assertStringIncludes(shown.stdout, "partitions added");
});

Deno.test("a partition that came after the run did is read from its first record, wherever the run began; without it, never in silence", async () => {
  const topic = await freshTopic(1);
  await writeTopic(topic, records(0, 10));
  await using folder = new TestFolder();
  const from = `${topic}?start=latest`;
  assertEquals((await copy(folder, from)).code, 0);
  await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 2 }] }));
  await writeTopic(topic, records(10, 20, 1));
  assertEquals((await copy(folder, from)).code, 0);
  // The producer of this test may write twice while a broker has not heard of the partition.
  const there = (await readTopic(topic)).map(({ value }) => Number(value)).filter((value) => value >= 10);
  assertEquals(outputOf(folder), there.sort((a, b) => a - b));
  await withAdmin((admin) => admin.createPartitions({ topicPartitions: [{ topic, count: 3 }] }));
  await writeTopic(topic, records(20, 30, 2));
  await trim(topic, 5, 2);
  const { code, stderr } = await copy(folder, from);
  assertEquals(code, 1);
  assertMatch(stderr, /Cannot read \S+\/2: offset 0 is gone, the first left is 5;/);
});

Deno.test("a topic that a pattern did not find when the run began is read from its first record", async () => {
  const topic = `later-${crypto.randomUUID()}`;
  await using folder = new TestFolder();
  const from = `?match=${topic}&start=latest`;
  const first = await copy(folder, from);
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true }));
  await writeTopic(topic, records(0, 5));
  const second = await copy(folder, from);
  assertEquals([first.code, second.code], [0, 0], first.stderr + second.stderr);
  assertEquals(outputOf(folder), range(0, 5));
});

Deno.test("several topics are one input, named or by a pattern, also one that is made later", async () => {
  const prefix = `several-${crypto.randomUUID()}`;
  const create = (topic: string) =>
    withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 2 }], waitForLeaders: true }));
  const [a, b] = [`${prefix}-a`, `${prefix}-b`];
  for (const topic of [a, b]) await create(topic);
  await writeTopic(a, records(0, 10));
  await writeTopic(b, records(10, 20, 1));
  for (const from of [`${a},${b}`, `?match=${prefix}-.*`, `${b}?match=${prefix}-a`]) {
    await using folder = new TestFolder();
    const { code, stderr } = await copy(folder, from);
    assertEquals([code, stderr], [0, ""], from);
    assertEquals(outputOf(folder), range(0, 20), from);
    if (!from.startsWith("?")) continue;
    await create(`${prefix}-c`);
    await writeTopic(`${prefix}-c`, records(20, 25));
    assertEquals((await copy(folder, from)).code, 0);
    assertEquals(outputOf(folder), range(0, 25));
  }
});

Deno.test("a partition that an answer of the broker had no room for does not count as one without records", async () => {
  const partitions = 12;
  const topic = await freshTopic(partitions);
  const value = "x".repeat(100_000);
  for (let batch = 0; batch < 2; batch++) {
    const written = Array.from({ length: 6 * partitions }, (_, i) => ({ partition: i % partitions, key: null, value }));
    await writeTopic(topic, written);
  }
  const source = await openBounded(topic);
  const limit = { recordsMax: 100, bytesMax: 1 << 20 };
  const all = Array.from({ length: partitions }, (_, partition) => ({ stream: topic, partition: String(partition) }));
  // The first reader's fetch is under way when the others ask: the next one is for all of them, more than it may hold.
  const first = await Promise.all(all.map((at) => source.read(at, 0n, limit)));
  const known = await Promise.all(all.map((at) => source.read(at, 0n, { ...limit, untilKnown: true })));
  assertEquals([...first, ...known].map(({ kind }) => kind), [
    ...all.map(() => "idle"),
    ...all.map(() => "batch"),
  ]);
  await source.close();
});

Deno.test("what was compacted away, and what is nothing but control records, is passed over", async () => {
  const config = {
    "cleanup.policy": "compact",
    "segment.ms": "100",
    "min.cleanable.dirty.ratio": "0.001",
    "delete.retention.ms": "0",
  };
  const topic = await freshTopic(1, undefined, config);
  const write = (round: number) =>
    writeTopic(
      topic,
      Array.from({ length: 50 }, (_, i) => ({ partition: 0, key: `k${i % 5}`, value: `${round}`, timeMs: Date.now() })),
    );
  // Compaction leaves the last segment alone: another record closes it.
  for (let round = 0; round < 5; round++) {
    await write(round);
    await new Promise((resolve) => setTimeout(resolve, 150));
  }
  let previous = 0;
  for (let attempt = 0; attempt < 100; attempt++) {
    const { stdout } = await runCli(["tail", `kafka://${address}/${topic}`, "-e", "-f", "%o\\n"]);
    const offsets = stdout.trim().split("\n").map(Number);
    assertEquals(offsets.at(-1), 249);
    assert(offsets.every((offset, i) => i === 0 || offset > offsets[i - 1]));
    previous = offsets.length;
    if (previous < 100) break;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  assert(previous < 100, `${previous} records were left: nothing was compacted`);
});

Deno.test("a topic whose transactions were all aborted ends, and its run with it", async () => {
  const topic = await freshTopic(1);
  await runJava("Abort", [topic, "20"]);
  await using folder = new TestFolder();
  const { code, stderr } = await copy(folder, topic);
  assertEquals([code, stderr], [0, ""]);
  assertEquals(outputOf(folder), []);
});

Deno.test("inputs stay in the order in which they are named, whichever is open first", async () => {
  const topic = await freshTopic();
  await writeTopic(topic, records(0, 3));
  await using folder = new TestFolder();
  folder.write("b.ndjson", "7\n8\n");
  const processor = folder.write(
    "two.ts",
    `import { defineProcessor, json } from "@sluice/sluice/processor";
export default defineProcessor({
  name: "two", inputs: { a: json<any>(), b: json<any>() }, output: json<any>(),
  process({ value }, { emit }) { emit({ value }); },
});
`,
  );
  const from = ["--from", `a=kafka://${address}/${topic}`, "--from", `b=file:${folder.at("b.ndjson")}`];
  const args = ["run", processor, ...from, "--to", "out.ndjson", "--journal", "j.db", "--until-end", "--quiet"];
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  // A later start is refused where they differ.
  const journal = await SqliteJournal.open(folder.at("j.db"));
  assertEquals(Object.keys(journal.run("two")!.sources), ["a", "b"]);
  journal.close();
});
