/** `kafka://host:port/topic?…` as sources and sinks. docs/KAFKA.md explains every option. */

import { type ConnectionSettings, readSettings } from "../adapters/kafka/connection_settings.ts";
import { type KafkaLocation, parseLocation } from "../adapters/kafka/location.ts";
import { CODECS } from "../adapters/kafka/protocol/compression.ts";
import { KafkaSink } from "../adapters/kafka/sink.ts";
import type { SinkTopicOptions, TopicCreation } from "../adapters/kafka/sink_topic.ts";
import { KafkaSource, type KafkaStart } from "../adapters/kafka/source.ts";
import { KafkaWriter } from "../adapters/kafka/writer.ts";
import type { Sink } from "../adapters/sink.ts";
import type { SinkContext, SourceContext } from "./adapters.ts";
import { checkOptions, choiceOption, flagOption, numberOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

const TRANSACTION_TIMEOUT_MS = 60_000;

/** A cluster, its topics, and how to connect. */
export interface KafkaAddress extends KafkaLocation {
  readonly settings: ConnectionSettings;
}

/** Reads the part of a URI that sources, sinks and commands share. */
export function addressOf(uri: string): KafkaAddress {
  const { path, options } = parseUri(uri);
  return { ...parseLocation(path), settings: readSettings(Deno.env.toObject(), options.get("config")) };
}

/** Opens the topics at `uri` to read them. */
export async function openKafkaSource(
  uri: string,
  { isBounded, start, onNotice }: SourceContext,
): Promise<KafkaSource> {
  const { options } = parseUri(uri);
  checkOptions(uri, options, ["start", "match", "config"]);
  const address = addressOf(uri);
  const pattern = options.get("match");
  if (address.topics.length === 0 && pattern === undefined) {
    throw new UsageError(`Cannot use ${uri}: it names no topic; add /topic, /topic1,topic2 or ?match=PATTERN`);
  }
  const match = pattern === undefined ? {} : { match: patternOf(uri, pattern) };
  return await KafkaSource.open({
    ...address,
    ...match,
    isBounded,
    start: startOf(uri, start ?? options.get("start")),
    ...(onNotice ? { onNotice } : {}),
  });
}

function patternOf(uri: string, pattern: string): RegExp {
  try {
    return new RegExp(pattern);
  } catch {
    throw new UsageError(`Cannot use ${uri}: match is ${pattern}, a regular expression is wanted, such as orders-.*`);
  }
}

/** `earliest`, `latest`, an offset, a time; or as kcat says it: `beginning`, `end`, `-10` for the last ten, `s@ms`. */
function startOf(uri: string, text = "earliest"): KafkaStart {
  if (text === "earliest" || text === "beginning") return "earliest";
  if (text === "latest" || text === "end") return "latest";
  const [, last, offset, sinceMs] = /^(?:-(\d+)|(\d+)|s@(\d+))$/.exec(text) ?? [];
  if (last !== undefined) return { last: BigInt(last) };
  if (offset !== undefined) return { offset: BigInt(offset) };
  const timeMs = sinceMs === undefined ? Date.parse(text) : Number(sinceMs);
  if (Number.isFinite(timeMs)) return { timeMs };
  throw new UsageError(
    `Cannot use ${uri}: start is ${text}; earliest, latest, an offset, a time (ISO 8601), -N or s@ms is wanted`,
  );
}

const SINK_OPTIONS = ["compression", "create", "partitions", "replicas", "topic.", "origin", "group"]
  .concat(["transactions", "transactionTimeoutMs", "config"]);

/** Opens the topics of several outputs; those of one cluster are written in one transaction. */
export async function openKafkaSinks(
  outputs: readonly (readonly [output: string, uri: string])[],
  context: SinkContext,
): Promise<Record<string, Sink>> {
  const clusters = Map.groupBy(outputs, ([, uri]) => addressOf(uri).brokers.toSorted().join(","));
  const sinks: Record<string, Sink> = {};
  for (const together of clusters.values()) {
    const sink = await openCluster(together, context);
    for (const [output] of together) sinks[output] = sink;
  }
  return sinks;
}

async function openCluster(
  outputs: readonly (readonly [output: string, uri: string])[],
  { run, isShared = false, onNotice }: SinkContext,
): Promise<KafkaSink> {
  const topics = new Map(outputs.map(([output, uri]) => [output, sinkTopicOf(uri)]));
  // What is true of the cluster is said once, by the first that says it.
  const said = (name: string) =>
    outputs.map(([, uri]) => parseUri(uri).options.get(name)).find((text) => text !== undefined);
  const [[, uri]] = outputs;
  const group = said("group") ?? run;
  const { brokers, settings } = addressOf(uri);
  const timeouts = outputs.map(([, each]) => numberOption(each, parseUri(each).options, "transactionTimeoutMs"));
  const protocols = outputs.map(([, each]) =>
    choiceOption(each, parseUri(each).options, "transactions", ["v1", "v2"] as const)
  );
  const protocol = protocols.find((each) => each !== undefined);
  return await KafkaSink.open({
    ...(protocol ? { protocol } : {}),
    brokers,
    settings,
    topics,
    run,
    isShared,
    onNotice,
    group: group === "none" ? undefined : group,
    transactionTimeoutMs: timeouts.find((each) => each !== undefined) ?? TRANSACTION_TIMEOUT_MS,
  });
}

/** Opens what `sluice put` writes to. */
export async function openKafkaWriter(uri: string): Promise<KafkaWriter> {
  const { brokers, settings } = addressOf(uri);
  return await KafkaWriter.open({ brokers, settings, topic: sinkTopicOf(uri) });
}

/** The one topic at `uri`, and how to write it. */
function sinkTopicOf(uri: string): SinkTopicOptions {
  const { options } = parseUri(uri);
  checkOptions(uri, options, SINK_OPTIONS);
  const { topics } = addressOf(uri);
  if (topics.length !== 1) throw new UsageError(`Cannot use ${uri}: one topic is wanted, it names ${topics.length}`);
  const creation = creationOf(uri, options);
  return {
    topic: topics[0],
    compression: choiceOption(uri, options, "compression", CODECS) ?? "none",
    hasOrigin: flagOption(uri, options, "origin"),
    ...(creation ? { creation } : {}),
  };
}

function creationOf(uri: string, options: ReadonlyMap<string, string>): TopicCreation | undefined {
  const partitions = numberOption(uri, options, "partitions");
  const replicas = numberOption(uri, options, "replicas");
  const config = [...options].filter(([name]) => name.startsWith("topic."));
  if (!flagOption(uri, options, "create")) {
    if (partitions === undefined && replicas === undefined && config.length === 0) return undefined;
    throw new UsageError(
      `Cannot use ${uri}: partitions, replicas and topic.… are for topics to be made; add create=true`,
    );
  }
  return {
    ...(partitions === undefined ? {} : { partitions }),
    ...(replicas === undefined ? {} : { replicas }),
    config: Object.fromEntries(config.map(([name, value]) => [name.slice("topic.".length), value])),
  };
}
