/** Topics with orders in them. */

import { connectionOf } from "../../adapters/kafka/connection_settings.ts";
import { KafkaWriter } from "../../adapters/kafka/writer.ts";
import { Cluster } from "../../adapters/kafka/protocol/cluster.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";

/** In one request, of each partition: what a batch holds does not depend on how many partitions there are. */
const PARTITION_CHUNK = 2_500;
const RECORD_BYTES = 100;
/** What lies between two entries of a partition's index. */
const INDEX_INTERVAL_BYTES = 4096;

/** Makes a topic. */
export async function createTopic(address: string, topic: string, numPartitions: number): Promise<void> {
  const cluster = await Cluster.connect(connectionOf([address], new Map()));
  const topics = [{ topic, numPartitions }];
  await cluster.administer((admin) => admin.createTopics({ topics, waitForLeaders: true }));
  cluster.close();
}

/**
 * Makes a topic that is in use: whoever writes to a partition first pays for its index, which the kernel clears, megabytes
 * for each of them.
 */
export async function createUsedTopic(address: string, topic: string, partitions: number): Promise<void> {
  await createTopic(address, topic, partitions);
  const writer = await openWriter(address, topic);
  const outputs = Array.from({ length: partitions }, (_, partition) => {
    return { name: 0, key: null, value: "x".repeat(INDEX_INTERVAL_BYTES), timeMs: Date.now(), partition };
  });
  for (let entries = 0; entries < 3; entries++) await writer.write(packOutputs(outputs));
  writer.close();
}

/** Makes a topic of `records` orders of 100 bytes of JSON, by `customers` customers, who are the keys. */
export async function writeOrders(
  address: string,
  topic: string,
  partitions: number,
  records: number,
  customers = 1000,
): Promise<void> {
  await createTopic(address, topic, partitions);
  const writer = await openWriter(address, topic);
  const chunk = PARTITION_CHUNK * partitions;
  for (let from = 0; from < records; from += chunk) {
    const count = Math.min(chunk, records - from);
    await writer.write(packOutputs(Array.from({ length: count }, (_, i) => orderOf(from + i, customers))));
  }
  writer.close();
}

async function openWriter(address: string, topic: string): Promise<KafkaWriter> {
  const options = { topic, compression: "none", hasOrigin: false } as const;
  return await KafkaWriter.open({ brokers: [address], topic: options, settings: new Map() });
}

function orderOf(i: number, customers: number) {
  const customer = `customer-${String(i * 7919 % customers).padStart(7, "0")}`;
  const start = `{"id":"order-${String(i).padStart(8, "0")}","customer":"${customer}","cents":${
    i * 31 % 10_000
  },"note":"`;
  const value = `${start}${"x".repeat(Math.max(0, RECORD_BYTES - start.length - 2))}"}`;
  return { name: 0, key: customer, value, timeMs: Date.now() };
}
