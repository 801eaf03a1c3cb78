/** Kafka through the suites of its ports, on a real broker; outputs are read by the Java consumer. */

import { KafkaSink } from "../../adapters/kafka/sink.ts";
import { KafkaSource } from "../../adapters/kafka/source.ts";
import { freshTopic, kafkaAddress, readTopic, runJava, writeTopic } from "../support/kafka.ts";
import { testSink } from "./sink_suite.ts";
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

testSink("kafka sink", async () => {
  const topic = await freshTopic();
  const brokers = [await kafkaAddress()];
  const options = { topic, compression: "none", hasOrigin: false } as const;
  const run = `run-${topic}`;
  return {
    open: () =>
      KafkaSink.open({
        brokers,
        run,
        settings,
        topics: new Map([["default", options]]),
        group: undefined,
        transactionTimeoutMs: 60_000,
        onNotice: () => {},
      }),
    read: async () => (await readTopic(topic)).map(({ value }) => value!),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});
