/** The simulated servers through the suites that the real ones go through. */

import { DynamoDbLeaseTable } from "../../adapters/dynamodb/lease_table.ts";
import { DynamoDbTaskStore } from "../../adapters/dynamodb/task_store.ts";
import { KafkaSink } from "../../adapters/kafka/sink.ts";
import { KafkaSource } from "../../adapters/kafka/source.ts";
import { BatchEncoder } from "../../adapters/kafka/protocol/batch_encoder.ts";
import { viewOf } from "../../adapters/kafka/protocol/view.ts";
import { KinesisSink } from "../../adapters/kinesis/sink.ts";
import { KinesisSource } from "../../adapters/kinesis/source.ts";
import { RedisSink } from "../../adapters/redis/sink.ts";
import { RedisSource } from "../../adapters/redis/source.ts";
import { fromBytes } from "../simulation/redis/resp.ts";
import { readAll } from "../support/read_source.ts";
import { serveDynamoDb, serveKafka, serveKinesis, serveRedis } from "../support/simulated_servers.ts";
import { until } from "../support/until.ts";
import { testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";
import { testLeaseTable, testTaskStore } from "./task_store_suite.ts";

const settings = new Map();
const encoder = new TextEncoder();
const NOBODY = { producerId: -1n, epoch: -1 };
const TOPIC = "simulated";
/** As fast as it can. */
const CALLS_PER_SECOND = 1000;

function openTopic(port: number): Promise<KafkaSource> {
  const brokers = [`127.0.0.1:${port}`];
  return KafkaSource.open({ brokers, topics: [TOPIC], isBounded: true, start: "earliest", settings });
}

testSource("simulated kafka source", async (lines) => {
  const kafka = await serveKafka();
  kafka.server.createTopic(TOPIC, 1);
  for (const line of lines) {
    const batch = new BatchEncoder(TOPIC, 0, line.length);
    const bytes = encoder.encode(line);
    batch.add(Date.now(), viewOf(bytes), 0, -1, viewOf(bytes), 0, bytes.length);
    kafka.server.log(TOPIC, 0)!.append(batch.seal(NOBODY, -1, { isTransactional: false }));
  }
  const source = await openTopic(kafka.port);
  return {
    source,
    async [Symbol.asyncDispose](): Promise<void> {
      await source.close();
      await kafka[Symbol.asyncDispose]();
    },
  };
});

for (const version of [1, 2] as const) {
  testSink(`simulated kafka sink, transactions v${version}`, async () => {
    const kafka = await serveKafka(version);
    kafka.server.createTopic(TOPIC, 1);
    return {
      open: () =>
        KafkaSink.open({
          brokers: [`127.0.0.1:${kafka.port}`],
          run: TOPIC,
          settings,
          topics: new Map([["default", { topic: TOPIC, compression: "none", hasOrigin: false }]]),
          group: undefined,
          transactionTimeoutMs: 60_000,
          onNotice: () => {},
        }),
      async read(): Promise<readonly string[]> {
        // What is committed is shown once it is marked.
        await until(() => kafka.server.coordinator.isIdle);
        const source = await openTopic(kafka.port);
        const records = await readAll(source);
        await source.close();
        return records.map(({ value }) => value ?? "null");
      },
      [Symbol.asyncDispose]: () => kafka[Symbol.asyncDispose](),
    };
  });
}

testSource("simulated redis source", async (lines) => {
  const redis = await serveRedis();
  for (const line of lines) redis.server.do(["XADD", TOPIC, "*", "v", fromBytes(encoder.encode(line))]);
  const address = { endpoints: [{ host: "127.0.0.1", port: redis.port }] };
  const options = { streams: [{ stream: TOPIC }], fields: { value: "v" }, isBounded: true, start: "earliest" } as const;
  const source = await RedisSource.open({ ...options, address });
  return {
    source,
    async [Symbol.asyncDispose](): Promise<void> {
      await source.close();
      await redis[Symbol.asyncDispose]();
    },
  };
});

testSink("simulated redis sink", async () => {
  const redis = await serveRedis();
  const address = { endpoints: [{ host: "127.0.0.1", port: redis.port }] };
  const targets = new Map([["default", { kind: "stream", key: TOPIC, fields: { value: "v", key: "k" } } as const]]);
  return {
    open: () => RedisSink.open({ address, targets, run: TOPIC }),
    async read(): Promise<readonly string[]> {
      const streams = [{ stream: TOPIC }];
      const options = { streams, fields: { value: "v" }, isBounded: true, start: "earliest" } as const;
      const source = await RedisSource.open({ ...options, address });
      const records = await readAll(source);
      await source.close();
      return records.map(({ value }) => value ?? "null");
    },
    [Symbol.asyncDispose]: () => redis[Symbol.asyncDispose](),
  };
});

async function kinesis(shards = 1) {
  const served = await serveKinesis(TOPIC, shards);
  const address = { region: "us-east-1", endpoint: `http://127.0.0.1:${served.port}`, stream: TOPIC };
  const options = { ...address, start: "earliest", isBounded: true, callsPerSecond: CALLS_PER_SECOND } as const;
  return { ...served, address, openSource: (rest = {}) => KinesisSource.open({ ...options, ...rest }) };
}

testSource("simulated kinesis source", async (lines) => {
  const served = await kinesis();
  lines.forEach((line, i) => served.server.put(`k${i % 7}`, encoder.encode(line), Date.now()));
  const source = await served.openSource();
  return {
    source,
    async [Symbol.asyncDispose](): Promise<void> {
      await source.close();
      await served[Symbol.asyncDispose]();
    },
  };
});

testSink("simulated kinesis sink", async () => {
  const served = await kinesis();
  return {
    open: () => KinesisSink.open(served.address),
    async read(): Promise<readonly string[]> {
      const source = await served.openSource({ withoutRepeats: true });
      const records = await readAll(source);
      await source.close();
      return records.map(({ value }) => value ?? "null");
    },
    [Symbol.asyncDispose]: () => served[Symbol.asyncDispose](),
  };
});

/** Each test has a table of its own; its server ends with the tests. */
async function table() {
  const { port, ...served } = await serveDynamoDb();
  globalThis.addEventListener("unload", () => void served[Symbol.asyncDispose]());
  return { region: "us-east-1", endpoint: `http://127.0.0.1:${port}`, table: TOPIC };
}

testTaskStore("simulated dynamodb", async () => {
  const address = await table();
  return () => DynamoDbTaskStore.open({ ...address, run: 'run\'s "name"' });
}, 200_000);

testLeaseTable("simulated dynamodb leases", async () => new DynamoDbLeaseTable(await table(), "run"));
