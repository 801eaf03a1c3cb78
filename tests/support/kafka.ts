/** A real broker for tests, and the Java consumer as a judge that is not ours. */

import { fromFileUrl } from "@std/path";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { kafkaJars } from "../../tools/services/kafka.ts";
import { running, type Service, stop, up } from "../../tools/services/services.ts";

let starting: Promise<Service> | undefined;

/** The address of the broker that all tests share: the one of `deno task services`, or one that ends with the tests. */
export async function kafkaAddress(): Promise<string> {
  starting ??= start();
  return (await starting).address;
}

async function start(): Promise<Service> {
  const known = (await running()).find(({ name }) => name === "kafka");
  if (known) return known;
  const service = await up("kafka");
  globalThis.addEventListener("unload", () => void stop(service));
  return service;
}

/** A client of the test's own. */
export async function kafkaClient(): Promise<Kafka> {
  return new Kafka({ clientId: "test", brokers: [await kafkaAddress()], logLevel: logLevel.NOTHING });
}

/** Runs `work` with an administrator. */
export async function withAdmin<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = (await kafkaClient()).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Creates a topic that no other test knows; answers its name. */
export async function freshTopic(numPartitions = 1): Promise<string> {
  const topic = `test-${crypto.randomUUID()}`;
  await withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions }], waitForLeaders: true }));
  return topic;
}

/** A record to write, or one that was read. */
export interface KafkaRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timeMs?: number;
}

/** Writes records by kafkajs, without transactions. */
export async function writeTopic(topic: string, records: readonly KafkaRecord[]): Promise<void> {
  const producer = (await kafkaClient()).producer({ createPartitioner: () => ({ message }) => message.partition! });
  await producer.connect();
  const messages = records.map(({ timeMs, ...record }) => ({
    ...record,
    timestamp: String(timeMs ?? 1_700_000_000_000),
  }));
  for (let at = 0; at < messages.length; at += 500) {
    await producer.send({ topic, messages: messages.slice(at, at + 500) });
  }
  await producer.disconnect();
}

/** What the Java consumer with `read_committed` sees, by partition and offset. */
export async function readTopic(topic: string): Promise<readonly (KafkaRecord & { readonly offset: bigint })[]> {
  const program = fromFileUrl(new URL("./java/ReadCommitted.java", import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command("java", {
    args: ["-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-XX:TieredStopAtLevel=1"]
      .concat(["-cp", `${await kafkaJars()}/*`, program, await kafkaAddress(), topic]),
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  const records = decoder.decode(stdout).split("\n").slice(0, -1).map((line) => {
    const [partition, offset, timeMs, key, value] = line.split("\t");
    return {
      partition: Number(partition),
      offset: BigInt(offset),
      timeMs: Number(timeMs),
      key: decode(key),
      value: decode(value),
    };
  });
  return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

function decode(base64: string): string | null {
  return base64 === "null" ? null : new TextDecoder().decode(Uint8Array.fromBase64(base64));
}
