/** A real broker for tests, and the Java consumer as a judge that is not ours. */

import { fileURLToPath } from "node:url";
import { type Admin, Kafka, logLevel } from "kafkajs";
import { kafkaJars } from "../../tools/services/kafka.ts";
import { sharedService } from "./shared_service.ts";

/** The address of the broker that all tests share: the one of `deno task services`, or one that ends with the tests. */
export async function kafkaAddress(): Promise<string> {
  return (await sharedService("kafka")).address;
}

/** A client of the test's own. */
export async function kafkaClient(address?: string): Promise<Kafka> {
  const brokers = (address ?? await kafkaAddress()).split(",");
  return new Kafka({ clientId: "test", brokers, logLevel: logLevel.NOTHING });
}

/** Runs `work` with an administrator. */
export async function withAdmin<T>(work: (admin: Admin) => Promise<T>, address?: string): Promise<T> {
  const admin = (await kafkaClient(address)).admin();
  await admin.connect();
  try {
    return await work(admin);
  } finally {
    await admin.disconnect();
  }
}

/** Creates a topic that no other test knows; answers its name. */
export async function freshTopic(
  numPartitions?: number,
  address?: string,
  config: Readonly<Record<string, string>> = {},
): Promise<string> {
  const topic = `test-${crypto.randomUUID()}`;
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const topics = [{ topic, numPartitions: numPartitions ?? 1, configEntries }];
  await withAdmin((admin) => admin.createTopics({ topics, waitForLeaders: true }), address);
  return topic;
}

/** A record to write, or one that was read. */
export interface KafkaRecord {
  readonly partition: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly timeMs?: number;
}

/** Writes records by kafkajs, without transactions; idempotent, or what it tries again on a young topic would be there twice. */
export async function writeTopic(topic: string, records: readonly KafkaRecord[], address?: string): Promise<void> {
  const producer = (await kafkaClient(address)).producer({
    createPartitioner: () => ({ message }) => message.partition!,
    idempotent: true,
    maxInFlightRequests: 1,
  });
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

/** A record that was read. */
export interface ReadRecord extends KafkaRecord {
  readonly offset: bigint;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
}

/** Runs a program of `java/` against the broker; answers what it prints. */
export async function runJava(program: string, args: readonly string[], address?: string): Promise<string> {
  const path = fileURLToPath(new URL(`./java/${program}.java`, import.meta.url));
  const { success, stdout, stderr } = await new Deno.Command("java", {
    args: ["-Dorg.slf4j.simpleLogger.defaultLogLevel=error", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"]
      .concat(["-cp", `${await kafkaJars()}/*`, path, address ?? await kafkaAddress(), ...args]),
  }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return decoder.decode(stdout);
}

/** What the Java consumer with `read_committed` sees, by partition and offset. */
export async function readTopic(topic: string, address?: string): Promise<readonly ReadRecord[]> {
  const lines = (await runJava("ReadCommitted", [topic], address)).split("\n").slice(0, -1);
  const records = lines.map((line): ReadRecord => {
    const [partition, offset, timeMs, key, value, ...headers] = line.split("\t");
    return {
      partition: Number(partition),
      offset: BigInt(offset),
      timeMs: Number(timeMs),
      key: decode(key),
      value: decode(value),
      headers: headers.map((header) => {
        const equals = header.indexOf("=");
        return [header.slice(0, equals), decode(header.slice(equals + 1))];
      }),
    };
  });
  return records.sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}

function decode(base64: string): string | null {
  return base64 === "null" ? null : new TextDecoder().decode(Uint8Array.fromBase64(base64));
}
