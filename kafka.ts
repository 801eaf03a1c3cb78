/**
 * Kafka topics for runs by the library: sources and sinks for `runProcessor`. A module of its own, because a client is
 * large and most runs need none.
 *
 * @example A run from topic to topic
 * ```ts ignore
 * import { runProcessor } from "@sluice/sluice";
 * import { KafkaSink, KafkaSource, readSettings } from "@sluice/sluice/kafka";
 *
 * const brokers = ["localhost:9092"];
 * const settings = readSettings(Deno.env.toObject());
 * const topic = { topic: "totals", compression: "none", hasOrigin: false } as const;
 * await runProcessor({
 *   processor: "totals.ts",
 *   name: "totals",
 *   from: {
 *     default: await KafkaSource.open({ brokers, topics: ["orders"], isBounded: true, start: "earliest", settings }),
 *   },
 *   to: {
 *     default: await KafkaSink.open({
 *       brokers,
 *       topics: new Map([["default", topic]]),
 *       run: "totals",
 *       group: "totals",
 *       transactionTimeoutMs: 60_000,
 *       settings,
 *       onNotice: console.error,
 *     }),
 *   },
 *   journal: "journal.db",
 * });
 * ```
 *
 * @module
 */

export {
  type ConnectionSettings,
  readSettings,
  type SettingName,
  SETTINGS,
} from "./adapters/kafka/connection_settings.ts";
export { type KafkaLocation, KafkaLocationError } from "./adapters/kafka/location.ts";
export { type Codec, CODECS } from "./adapters/kafka/protocol/compression.ts";
export type { OffsetOf } from "./adapters/kafka/protocol/fetch.ts";
export type { TransactionProtocol } from "./adapters/kafka/protocol/transaction_protocol.ts";
export { KafkaSink, type KafkaSinkOptions } from "./adapters/kafka/sink.ts";
export type { SinkTopicOptions, TopicCreation } from "./adapters/kafka/sink_topic.ts";
export { KafkaSource, type KafkaSourceOptions, type KafkaStart } from "./adapters/kafka/source.ts";
