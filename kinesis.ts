/**
 * Kinesis streams for runs by the library: sources and sinks for `runProcessor`. A module of its own, because a client is
 * large and most runs need none.
 *
 * @example A run from stream to stream
 * ```ts ignore
 * import { runProcessor } from "@sluice/sluice";
 * import { KinesisSink, KinesisSource } from "@sluice/sluice/kinesis";
 *
 * const region = "eu-central-1";
 * await runProcessor({
 *   processor: "totals.ts",
 *   name: "totals",
 *   from: {
 *     default: await KinesisSource.open({ region, stream: "orders", isBounded: true, start: "earliest" }),
 *   },
 *   to: { default: await KinesisSink.open({ region, stream: "totals" }) },
 *   journal: "journal.db",
 * });
 * ```
 *
 * @module
 */

export type { ServiceAddress } from "./adapters/aws.ts";
export type { KinesisAddress } from "./adapters/kinesis/client.ts";
export { KinesisSink, type KinesisSinkOptions, type RecordFormat } from "./adapters/kinesis/sink.ts";
export { KinesisSource, type KinesisSourceOptions, type KinesisStart } from "./adapters/kinesis/source.ts";
