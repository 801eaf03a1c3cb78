/** What there is in a cluster, for people: topics, where they begin and end, how long they keep records. */

import { SourceError } from "../source.ts";
import { connectionOf, type ConnectionSettings } from "./connection_settings.ts";
import { patiently } from "../patience.ts";
import { patience } from "./patience.ts";
import { Cluster } from "./protocol/cluster.ts";
import { offsetOf } from "./protocol/fetch.ts";
import { CODE, KafkaError } from "./protocol/kafka_error.ts";
import type { PartitionMetadata, TopicMetadata } from "./protocol/metadata.ts";

/** A partition as it is now. */
export interface PartitionOverview extends PartitionMetadata {
  /** The first offset that can be read. */
  readonly first: bigint | undefined;
  /** Where committed records end. */
  readonly end: bigint | undefined;
}

/** A topic as it is now. */
export interface TopicOverview {
  readonly topic: string;
  readonly id: string;
  readonly partitions: readonly PartitionOverview[];
  /** Every setting with its value; `isDefault` where nobody set it for this topic. */
  readonly settings: readonly { readonly name: string; readonly value: string; readonly isDefault: boolean }[];
}

const TOPIC_RESOURCE = 2;
const OPEN_MS_MAX = 10_000;

/** What to look at. */
export interface OverviewOptions {
  readonly brokers: readonly string[];
  /** All topics but the cluster's own unless some are named. */
  readonly topics: readonly string[];
  readonly settings: ConnectionSettings;
}

/**
 * Looks at topics.
 *
 * @throws {SourceError} when no broker answers, or a topic is not there or may not be seen
 */
export async function lookAtTopics({ brokers, topics, settings }: OverviewOptions): Promise<readonly TopicOverview[]> {
  let cluster: Cluster | undefined;
  try {
    const found = cluster = await Cluster.connect(connectionOf(brokers, settings), topics[0]);
    return await lookAt(found, topics);
  } catch (cause) {
    const { message, code } = cause as { readonly message: string; readonly code?: unknown };
    if (code === "E_USAGE") throw cause;
    const isMissing = cause instanceof KafkaError && cause.errorCode === CODE.unknownTopicOrPartition;
    const reason = isMissing ? `there is no topic ${topics.join(", ")}` : message;
    const stream = topics.join(",");
    throw new SourceError(`Cannot look at kafka://${brokers.join(",")}: ${reason}`, {
      code: "E_SOURCE_UNREADABLE",
      stream,
      cause,
    });
  } finally {
    cluster?.close();
  }
}

async function lookAt(cluster: Cluster, topics: readonly string[]): Promise<readonly TopicOverview[]> {
  const found = topics.length > 0
    ? await Promise.all(topics.map((topic) => cluster.topic(topic)))
    : (await cluster.topics()).filter(({ isInternal }) => !isInternal);
  const sorted = found.toSorted((a, b) => a.topic < b.topic ? -1 : 1);
  return await patiently(patience(cluster, OPEN_MS_MAX), () => describe(cluster, sorted));
}

async function describe(cluster: Cluster, topics: readonly TopicMetadata[]): Promise<readonly TopicOverview[]> {
  if (topics.length === 0) return [];
  const settings = await settingsOf(cluster, topics.map(({ topic }) => topic));
  return await Promise.all(topics.map(async ({ topic, id, partitions }) => ({
    topic,
    id,
    partitions: await Promise.all(partitions.map((partition) => lookAtPartition(cluster, topic, partition))),
    settings: settings.get(topic) ?? [],
  })));
}

async function lookAtPartition(
  cluster: Cluster,
  topic: string,
  metadata: PartitionMetadata,
): Promise<PartitionOverview> {
  const at = { topic, partition: metadata.partition };
  try {
    const broker = await cluster.leaderOf(topic, metadata.partition);
    return { ...metadata, first: await offsetOf(broker, at, "earliest"), end: await offsetOf(broker, at, "latest") };
  } catch (error) {
    // A partition without a leader is a fact worth showing, not a reason to show nothing.
    const isLeaderless = error instanceof KafkaError && error.errorCode === CODE.leaderNotAvailable;
    if (isLeaderless) return { ...metadata, first: undefined, end: undefined };
    throw error;
  }
}

async function settingsOf(
  cluster: Cluster,
  topics: readonly string[],
): Promise<ReadonlyMap<string, TopicOverview["settings"]>> {
  const resources = topics.map((name) => ({ type: TOPIC_RESOURCE, name }));
  const answer = await cluster.administer((admin) => admin.describeConfigs({ includeSynonyms: false, resources }));
  return new Map(answer.resources.map(({ resourceName, configEntries }) => [
    resourceName,
    configEntries.map(({ configName, configValue, isDefault, configSource }) => ({
      name: configName,
      value: configValue,
      isDefault: isDefault || configSource !== DYNAMIC_TOPIC,
    })).sort((a, b) => a.name < b.name ? -1 : 1),
  ]));
}

/** Where a setting comes from that was made for the topic itself (DescribeConfigs, `config_source`). */
const DYNAMIC_TOPIC = 1;
