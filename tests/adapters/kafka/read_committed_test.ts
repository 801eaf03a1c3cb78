/** Aborted transactions and control records never reach a reader: the same as Java's consumer sees, from any offset. */

import { assert, assertEquals } from "@std/assert";
import { KafkaSource } from "../../../adapters/kafka/source.ts";
import { freshTopic, kafkaAddress, readTopic, runJava } from "../../support/kafka.ts";
import { readAll, readPartition } from "../../support/read_source.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
/** Each partition sees an interleaving of its own. */
const PARTITIONS = 100;
const ROUNDS = 10;
const STEPS_PER_ROUND = 40;

function randomFrom(seed: number): () => number {
  return () => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
}

async function open(topic: string): Promise<KafkaSource> {
  const brokers = [await kafkaAddress()];
  return await KafkaSource.open({
    brokers,
    topics: [topic],
    isBounded: true,
    start: "earliest",
    settings: new Map(),
  });
}

Deno.test("1,000 random interleavings of committed and aborted transactions are read as Java reads them", async () => {
  console.log(`seed ${SEED}`);
  const topic = await freshTopic(PARTITIONS);
  await runJava("Interleave", [topic, String(PARTITIONS), String(ROUNDS * STEPS_PER_ROUND), String(SEED)]);
  const expected = await readTopic(topic);
  const source = await open(topic);
  const read = await readAll(source);
  assertEquals(read.length, expected.length);
  assertEquals(read.map((record) => ({ ...record })), expected.map((record) => ({ ...record })));
  assert(read.length > 10 * PARTITIONS, `only ${read.length} records`);
  await source.close();
});

Deno.test("from any offset within open and aborted transactions the same records follow", async () => {
  console.log(`seed ${SEED}`);
  const random = randomFrom(SEED);
  const topic = await freshTopic(2);
  await runJava("Interleave", [topic, "2", "60", String(SEED + 1)]);
  const expected = await readTopic(topic);
  for (let attempt = 0; attempt < 60; attempt++) {
    const source = await open(topic);
    const partition = String(attempt % 2);
    const end = await source.latest({ stream: topic, partition });
    const from = BigInt(Math.floor(random() * Number(end)));
    const read = await readPartition(source, { stream: topic, partition }, from);
    const wanted = expected.filter((record) => record.partition === Number(partition) && record.offset >= from);
    assertEquals(read.map(({ offset, value }) => [offset, value]), wanted.map(({ offset, value }) => [offset, value]));
    await source.close();
  }
});
