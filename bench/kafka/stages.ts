/** Single stages, without a run around them: fetch and decode; encode and produce in transactions. */

import { connectionOf } from "../../adapters/kafka/connection_settings.ts";
import { KafkaSource } from "../../adapters/kafka/source.ts";
import { KafkaSink } from "../../adapters/kafka/sink.ts";
import { Cluster } from "../../adapters/kafka/protocol/cluster.ts";
import { fetchFrom } from "../../adapters/kafka/protocol/fetch.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";
import { createTopic } from "./topics.ts";

const ROUNDS = 3;
const BATCH_RECORDS = 10_000;
const TRANSACTIONS = 100;

/** Prints records per second of each stage, and of the raw client where there is one. */
export async function measureStages(address: string, topic: string): Promise<void> {
  for (let round = 0; round < ROUNDS; round++) {
    const raw = await rawBytes(address, topic);
    const read = await fetchAndDecode(address, topic);
    const written = await encodeAndProduce(address);
    console.log(
      `stages  fetch alone ${raw} k/s, fetch and decode ${read} k/s (wanted 1,000), ` +
        `encode and produce in transactions ${written} k/s (wanted 500)`,
    );
  }
}

async function fetchAndDecode(address: string, topic: string): Promise<number> {
  const startMs = performance.now();
  const source = await KafkaSource.open({
    brokers: [address],
    topics: [topic],
    isBounded: true,
    start: "earliest",
    settings: new Map(),
  });
  let records = 0;
  await Promise.all((await source.partitions()).map(async (at) => {
    for (let position = await source.start(at);;) {
      const result = await source.read(at, position, { recordsMax: BATCH_RECORDS, bytesMax: 4 << 20 });
      if (result.kind === "ended") break;
      if (result.kind === "idle") await source.waitForMore([at], AbortSignal.timeout(1000));
      if (result.kind !== "batch") continue;
      records += result.batch.count;
      position = result.batch.next;
    }
  }));
  await source.close();
  return Math.round(records / (performance.now() - startMs));
}

/** The same bytes, not looked at but for their headers. */
async function rawBytes(address: string, topic: string): Promise<number> {
  const cluster = await Cluster.connect(connectionOf([address], new Map()));
  const { partitions } = await cluster.topic(topic);
  const broker = await cluster.leaderOf(topic, 0);
  const positions = new Map(partitions.map(({ partition }) => [partition, 0n]));
  const limit = { waitMs: 0, bytesMax: 64 << 20, partitionBytesMax: 1 << 20 };
  const startMs = performance.now();
  let records = 0;
  while (positions.size > 0) {
    const from = [...positions].map(([partition, position]) => ({ topic, partition, position }));
    for (const { partition, recordSet, position } of (await fetchFrom(broker, from, limit)).partitions) {
      const view = new DataView(recordSet.buffer, recordSet.byteOffset, recordSet.byteLength);
      let next = position;
      for (let at = 0; at + 61 <= recordSet.length; at += 12 + view.getInt32(at + 8)) {
        if (at + 12 + view.getInt32(at + 8) > recordSet.length) break;
        next = view.getBigInt64(at) + BigInt(view.getInt32(at + 23)) + 1n;
        records += view.getInt32(at + 57);
      }
      if (next === position) positions.delete(partition);
      else positions.set(partition, next);
    }
  }
  cluster.close();
  return Math.round(records / (performance.now() - startMs));
}

async function encodeAndProduce(address: string): Promise<number> {
  const topic = `produce-${crypto.randomUUID()}`;
  await createTopic(address, topic, 4);
  const sink = await KafkaSink.open({
    brokers: [address],
    topics: new Map([["default", { topic, compression: "none", hasOrigin: false }]]),
    run: topic,
    group: undefined,
    transactionTimeoutMs: 60_000,
    settings: new Map(),
    onNotice: () => {},
  });
  const value = `{"id":"order-00000000","customer":"customer-0000000","cents":1,"note":"${"x".repeat(27)}"}`;
  const outputs = packOutputs(
    Array.from({ length: BATCH_RECORDS }, (_, i) => ({ name: 0, key: `k${i % 1000}`, value, timeMs: Date.now() })),
  );
  const tasks = ["0", "1", "2", "3"];
  // A fresh broker is still making its coordinators.
  for (const task of tasks) while (!await sink.acquire(task, 0n).catch(() => undefined));
  const rest = {
    run: "bench",
    outputs,
    outputNames: ["default"],
    positions: [],
    digest: new Uint8Array(16),
    epoch: 0n,
  };
  const startMs = performance.now();
  await Promise.all(tasks.map(async (task) => {
    for (let seq = 0; seq < TRANSACTIONS / tasks.length; seq++) await sink.commit({ ...rest, task, seq });
  }));
  const timeMs = performance.now() - startMs;
  await sink.close();
  return Math.round(TRANSACTIONS * BATCH_RECORDS / timeMs);
}
