/** Kafka through the suites of its ports, on a real broker; outputs are read by the Java consumer. */

import { assertEquals, assertRejects } from "@std/assert";
import { connectionOf } from "../../adapters/kafka/connection_settings.ts";
import { Cluster } from "../../adapters/kafka/protocol/cluster.ts";
import { TransactionalProducer } from "../../adapters/kafka/protocol/transaction.ts";
import { transactionProtocolOf } from "../../adapters/kafka/protocol/transaction_protocol.ts";
import { SharedProducer } from "../../adapters/kafka/shared_producer.ts";
import { KafkaSink } from "../../adapters/kafka/sink.ts";
import { KafkaSource } from "../../adapters/kafka/source.ts";
import { SinkError } from "../../adapters/sink.ts";
import { freshTopic, kafkaAddress, readTopic, runJava, writeTopic } from "../support/kafka.ts";
import { commitOf, testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";

const settings = new Map();
// A fresh broker makes its coordinators at the first transaction; the suites ask a sink directly, and once.
await runJava("Abort", [await freshTopic(), "1"]);

testSource("kafka source", async (lines) => {
  const topic = await freshTopic();
  await writeTopic(topic, lines.map((value) => ({ partition: 0, key: null, value })));
  const brokers = [await kafkaAddress()];
  const source = await KafkaSource.open({ brokers, topics: [topic], isBounded: true, start: "earliest", settings });
  return { source, [Symbol.asyncDispose]: () => source.close() };
});

async function openSink(topic: string, owner?: string): Promise<KafkaSink> {
  return await KafkaSink.open({
    brokers: [await kafkaAddress()],
    run: `run-${topic}`,
    settings,
    topics: new Map([["default", { topic, compression: "none", hasOrigin: false }]]),
    group: undefined,
    transactionTimeoutMs: 60_000,
    onNotice: () => {},
    ...(owner === undefined ? {} : { owner }),
  });
}

testSink("kafka sink", async () => {
  const topic = await freshTopic();
  return {
    open: () => openSink(topic),
    read: async () => (await readTopic(topic)).map(({ value }) => value!),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});

async function fence(transactionalId: string): Promise<void> {
  const cluster = await Cluster.connect(connectionOf([await kafkaAddress()], settings));
  const protocol = await transactionProtocolOf(cluster);
  await TransactionalProducer.fence(cluster, transactionalId, { protocol, transactionTimeoutMs: 60_000 });
  cluster.close();
}

/** Does `work`; who wants a producer first after that finds that `before` has happened. */
async function withNextOwner<T>(before: () => Promise<unknown>, work: () => Promise<T>): Promise<T> {
  const { own } = SharedProducer.prototype;
  SharedProducer.prototype.own = async function (this: SharedProducer, task: string): Promise<void> {
    SharedProducer.prototype.own = own;
    await before();
    await own.call(this, task);
  };
  try {
    return await work();
  } finally {
    SharedProducer.prototype.own = own;
  }
}

Deno.test("kafka sink: who is overtaken between his look and his fence does not take the task back", async () => {
  const topic = await freshTopic();
  const [first, second] = [await openSink(topic, "a:1:0"), await openSink(topic, "b:2:0")];
  await first.acquire("0", 0n);
  await first.commit(commitOf(0, 0n, ["1"]));
  // He is fenced, and nobody says by whom: he has to look whether his commit happened.
  await fence(`run-${topic}`);
  const unsure = await assertRejects(() => first.commit(commitOf(1, 0n, ["not seen"])), SinkError);
  assertEquals(unsure.code, "E_COMMIT_UNKNOWN");
  const overtake = () => second.acquire("0", 1n);
  const refused = await assertRejects(
    () => withNextOwner(overtake, () => first.acquire("0", 0n)),
    SinkError,
  );
  assertEquals([refused.code, refused.message.includes("process 2 on b")], ["E_FENCED", true]);
  // By looking he has fenced the other one, who looks as well, and goes on.
  await assertRejects(() => second.commit(commitOf(1, 1n, ["not seen"])), SinkError);
  assertEquals((await second.acquire("0", 1n)).checkpoint?.seq, 0);
  await second.commit(commitOf(1, 1n, ["2"]));
  await first.close();
  await second.close();
  assertEquals((await readTopic(topic)).map(({ value }) => value), ["1", "2"]);
});
