/** `sluice streams`: what can be read at a place: topics or streams, where they begin and end, how long they keep. */

import type { KinesisOverview } from "../adapters/kinesis/overview.ts";
import type { TopicOverview } from "../adapters/kafka/overview.ts";
import type { StreamOverview } from "../adapters/redis/overview.ts";
import { isRedis } from "./adapters.ts";
import { columns } from "./columns.ts";
import { EXIT } from "./exit_code.ts";
import { printData } from "./output.ts";
import { checkOptions, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** Prints the streams at `uri`; of streams that are named, all that there is to know. */
export async function streamsCommand(uri: string, { json }: { readonly json: boolean }): Promise<number> {
  const { scheme } = parseUri(uri);
  const texts = scheme === "kafka" ? kafkaTexts : scheme === "kinesis" ? kinesisTexts : isRedis(scheme) && redisTexts;
  if (!texts) {
    throw new UsageError(
      `Cannot list the streams at ${uri}: kafka://host:port, redis://host:port or kinesis://region, with or without ` +
        "/name, is wanted",
    );
  }
  for (const text of await texts(uri, json)) printData(text);
  return EXIT.ok;
}

async function kinesisTexts(uri: string, json: boolean): Promise<readonly string[]> {
  const [{ kinesisPlaceOf }, { lookAtKinesis }] = await Promise.all([
    import("./kinesis_uris.ts"),
    import("../adapters/kinesis/overview.ts"),
  ]);
  checkOptions(uri, parseUri(uri).options, ["endpoint"]);
  const place = kinesisPlaceOf(uri);
  const streams = await lookAtKinesis(place);
  if (json) return streams.map((stream) => JSON.stringify(stream));
  return [kinesisTable(streams), ...place.stream === undefined ? [] : streams.map(shardTable)];
}

function kinesisTable(streams: readonly KinesisOverview[]): string {
  return columns(
    ["stream", "status", "mode", "open shards", "closed", "retention", "encryption", "consumers"],
    streams.map(({ stream, status, mode, shards, retentionHours, encryption, consumers }) => {
      const open = shards.filter(({ isOpen }) => isOpen).length;
      const retention = duration(String(retentionHours * 3_600_000));
      return [stream, status, mode, open, shards.length - open, retention, encryption, consumers];
    }),
  );
}

function shardTable({ shards }: KinesisOverview): string {
  const table = columns(
    ["shard", "state", "share of keys", "first hash key", "last hash key", "came out of"],
    shards.map(({ shard, isOpen, share, hashKeys, parents }) => [
      shard,
      isOpen ? "open" : "closed",
      `${(100 * share).toFixed(1)} %`,
      ...hashKeys,
      parents.join(", ") || "-",
    ]),
  );
  return `\n${table}`;
}

async function kafkaTexts(uri: string, json: boolean): Promise<readonly string[]> {
  checkOptions(uri, parseUri(uri).options, ["config"]);
  const [{ addressOf }, { lookAtTopics }] = await Promise.all([
    import("./kafka_uris.ts"),
    import("../adapters/kafka/overview.ts"),
  ]);
  const address = addressOf(uri);
  const topics = await lookAtTopics(address);
  if (json) return topics.map(toJson);
  return address.topics.length > 0 ? topics.map(toDetails) : [toTable(topics)];
}

async function redisTexts(uri: string, json: boolean): Promise<readonly string[]> {
  const [{ locationOf, SERVER_OPTIONS }, { lookAtStreams }] = await Promise.all([
    import("./redis_uris.ts"),
    import("../adapters/redis/overview.ts"),
  ]);
  checkOptions(uri, parseUri(uri).options, [...SERVER_OPTIONS, "stream"]);
  const { address, names } = locationOf(uri);
  const streams = await lookAtStreams(address, names);
  if (json) return streams.map((stream) => JSON.stringify(stream));
  return [streamTable(streams), ...names.length > 0 ? streams.map(groupTable) : []];
}

function streamTable(streams: readonly StreamOverview[]): string {
  return columns(
    ["stream", "entries", "added", "first", "last", "bytes", "groups"],
    streams.map(({ stream, length, entriesAdded, firstId, lastId, bytes, groups }) => [
      stream,
      length,
      entriesAdded,
      length === 0 ? "-" : firstId,
      lastId,
      bytes,
      groups.length,
    ]),
  );
}

function groupTable({ stream, groups }: StreamOverview): string {
  if (groups.length === 0) return `stream ${stream}: no consumer groups`;
  const table = columns(
    ["group", "position", "lag", "pending"],
    groups.map(({ name, lastId, lag, pending }) => [name, lastId, lag ?? "?", pending]),
  );
  return `stream ${stream}\n\n${table}`;
}

function toJson(topic: TopicOverview): string {
  return JSON.stringify(topic, (_name, value) => typeof value === "bigint" ? String(value) : value);
}

function settingOf({ settings }: TopicOverview, name: string): string {
  return settings.find((setting) => setting.name === name)?.value ?? "?";
}

function toTable(topics: readonly TopicOverview[]): string {
  const sum = (topic: TopicOverview) =>
    topic.partitions.reduce((total, { first, end }) => total + ((end ?? 0n) - (first ?? 0n)), 0n);
  return columns(
    ["topic", "partitions", "replicas", "offsets", "retention", "cleanup"],
    topics.map((topic) => [
      topic.topic,
      topic.partitions.length,
      topic.partitions[0]?.replicas.length ?? 0,
      sum(topic),
      duration(settingOf(topic, "retention.ms")),
      settingOf(topic, "cleanup.policy"),
    ]),
  );
}

function toDetails(topic: TopicOverview): string {
  const partitions = columns(
    ["partition", "first", "end", "leader", "in sync", "replicas"],
    topic.partitions.map(({ partition, first, end, leader, inSync, replicas }) => [
      partition,
      first ?? "?",
      end ?? "?",
      leader,
      inSync.join(","),
      replicas.join(","),
    ]),
  );
  const settings = columns(
    ["setting", "value", "set by"],
    topic.settings.map(({ name, value, isDefault }) => [name, value, isDefault ? "default" : "topic"]),
  );
  return `topic ${topic.topic}, id ${topic.id}\n\n${partitions}\n\n${settings}\n`;
}

const UNITS = [["d", 86_400_000], ["h", 3_600_000], ["min", 60_000], ["s", 1000]] as const;

/** Milliseconds as people say them. */
function duration(timeMs: string): string {
  const value = Number(timeMs);
  if (value === -1) return "for ever";
  if (!Number.isFinite(value)) return timeMs;
  const [unit, unitMs] = UNITS.find(([, each]) => value >= each && value % each === 0) ?? ["ms", 1];
  return `${value / unitMs} ${unit}`;
}
