/** `sluice streams`: what can be read at a place: topics, partitions, offsets, retention, configuration. */

import { lookAtTopics, type TopicOverview } from "../adapters/kafka/overview.ts";
import { columns } from "./columns.ts";
import { EXIT } from "./exit_code.ts";
import { addressOf } from "./kafka_uris.ts";
import { printData } from "./output.ts";
import { checkOptions, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** Prints the streams at `uri`; of topics that are named, every partition and setting. */
export async function streamsCommand(uri: string, { json }: { readonly json: boolean }): Promise<number> {
  const { scheme, options } = parseUri(uri);
  if (scheme !== "kafka") {
    throw new UsageError(`Cannot list the streams at ${uri}: kafka://host:port, with or without /topic, is wanted`);
  }
  checkOptions(uri, options, ["config"]);
  const address = addressOf(uri);
  const topics = await lookAtTopics(address);
  if (json) { for (const topic of topics) printData(toJson(topic)); }
  else if (address.topics.length > 0) { for (const topic of topics) printData(toDetails(topic)); }
  else printData(toTable(topics));
  return EXIT.ok;
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
