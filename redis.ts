/**
 * Redis streams for runs by the library: sources and sinks for `runProcessor`. A module of its own, because a client is
 * large and most runs need none.
 *
 * @example A run from stream to stream
 * ```ts ignore
 * import { runProcessor } from "@sluice/sluice";
 * import { RedisSink, RedisSource } from "@sluice/sluice/redis";
 *
 * const address = { endpoints: [{ host: "localhost", port: 6379 }] };
 * const fields = { value: "v", key: "k" };
 * await runProcessor({
 *   processor: "totals.ts",
 *   name: "totals",
 *   from: {
 *     default: await RedisSource.open({
 *       address,
 *       streams: [{ stream: "orders" }],
 *       fields,
 *       isBounded: true,
 *       start: "earliest",
 *     }),
 *   },
 *   to: {
 *     default: await RedisSink.open({
 *       address,
 *       targets: new Map([["default", { kind: "stream", key: "totals", fields }]]),
 *       run: "totals",
 *     }),
 *   },
 *   journal: "journal.db",
 * });
 * ```
 *
 * @module
 */

export type { Access, Endpoint, ServersAddress } from "./adapters/redis/address.ts";
export type { EntryFields } from "./adapters/redis/protocol/entries.ts";
export { type Durability, RedisSink, type RedisSinkOptions } from "./adapters/redis/sink.ts";
export { RedisSource, type RedisSourceOptions, type RedisStart } from "./adapters/redis/source.ts";
export type { StreamSelection } from "./adapters/redis/stream_selection.ts";
export type { RedisTarget } from "./adapters/redis/targets.ts";
