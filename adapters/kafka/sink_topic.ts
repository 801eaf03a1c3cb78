/**
 * A topic that is written: made on request, looked at before the first output.
 *
 * What would fail or vanish later is said now: a topic that is missing, records that are larger than it takes, times
 * that its retention would drop minutes after they are written.
 */

import { SinkError } from "../sink.ts";
import type { Cluster } from "./protocol/cluster.ts";
import type { Codec } from "./protocol/compression.ts";
import { offsetOf } from "./protocol/fetch.ts";
import { check, CODE, isPassing, KafkaError, refusalsIn } from "./protocol/kafka_error.ts";

/** How to make a topic that is missing. */
export interface TopicCreation {
  /** The broker's default unless given. */
  readonly partitions?: number;
  /** The broker's default unless given. */
  readonly replicas?: number;
  /** Such as `retention.ms`. */
  readonly config: Readonly<Record<string, string>>;
}

/** How to write a topic. */
export interface SinkTopicOptions {
  /** Its name. */
  readonly topic: string;
  /** How batches are compressed. */
  readonly compression: Codec;
  /** Whether each output says in a header which run, task and feed made it. */
  readonly hasOrigin: boolean;
  /** Makes it when it is missing. */
  readonly creation?: TopicCreation;
}

/** A topic as its sink knows it. */
export interface SinkTopic extends SinkTopicOptions {
  /** How many partitions it had when the run started: what keys are spread over for as long as it runs. */
  readonly partitions: number;
  /** A larger batch is refused by the broker. */
  readonly batchBytesMax: number;
  /** Outputs with older times are dropped soon after they are written; Infinity where none are. */
  readonly retentionMs: number;
}

const TOPIC_RESOURCE = 2;
const SETTINGS = ["max.message.bytes", "retention.ms", "cleanup.policy", "message.timestamp.type"];
/** What a broker takes unless it is told otherwise. */
const BATCH_BYTES_MAX = 1_048_588;
/** How long a new topic may be without leaders, and how often it is looked at. */
const LEADERS_MS_MAX = 10_000;
const LOOK_MS_FIRST = 2;
const LOOK_MS_MAX = 100;

/**
 * Finds or makes a topic.
 *
 * @throws {SinkError} with code `E_NO_TOPIC` when it is missing and not to be made
 */
export async function openTopic(cluster: Cluster, options: SinkTopicOptions): Promise<SinkTopic> {
  const found = await findTopic(cluster, options);
  if (found) return found;
  await createTopic(cluster, options.topic, options.creation!);
  return (await findTopic(cluster, options)) ?? missing(options.topic);
}

/**
 * Finds a topic; undefined when it is missing and to be made.
 *
 * @throws {SinkError} with code `E_NO_TOPIC` when it is missing and not to be made
 */
export async function findTopic(cluster: Cluster, options: SinkTopicOptions): Promise<SinkTopic | undefined> {
  const { topic, creation } = options;
  const partitions = await countPartitions(cluster, topic);
  if (partitions === 0) return creation ? undefined : missing(topic);
  const settings = await describeTopic(cluster, topic);
  return { ...options, partitions, ...limitsOf(settings) };
}

function missing(topic: string): never {
  throw new SinkError(
    `Cannot write topic ${topic}: there is none of that name; make it, or add ?create=true&partitions=N to the URI`,
    { code: "E_NO_TOPIC" },
  );
}

async function countPartitions(cluster: Cluster, topic: string): Promise<number> {
  try {
    return (await cluster.topic(topic)).partitions.length;
  } catch (error) {
    if (error instanceof KafkaError && error.errorCode === CODE.unknownTopicOrPartition) return 0;
    throw error;
  }
}

/**
 * Makes a topic; that another process was faster is as good.
 *
 * @throws {KafkaError} when the broker refuses to
 */
export async function createTopic(cluster: Cluster, topic: string, creation: TopicCreation): Promise<void> {
  const { partitions, replicas, config } = creation;
  const configEntries = Object.entries(config).map(([name, value]) => ({ name, value }));
  const counts = {
    ...(partitions === undefined ? {} : { numPartitions: partitions }),
    ...(replicas === undefined ? {} : { replicationFactor: replicas }),
  };
  try {
    await cluster.administer((admin) =>
      admin.createTopics({ topics: [{ topic, ...counts, configEntries }], waitForLeaders: false })
    );
  } catch (error) {
    for (const { code } of refusalsIn(error)) check(code, `make topic ${topic}`);
    throw error;
  }
  await untilLed(cluster, topic);
}

/**
 * Waits for leaders that know that they are: a broker tells of them before it has become one. kafkajs would look after a
 * tenth of a second for the first time, and at what is told.
 */
async function untilLed(cluster: Cluster, topic: string): Promise<void> {
  const deadlineMs = performance.now() + LEADERS_MS_MAX;
  for (let waitMs = LOOK_MS_FIRST;; waitMs = Math.min(2 * waitMs, LOOK_MS_MAX)) {
    await cluster.refresh();
    try {
      const { partitions } = await cluster.topic(topic);
      await Promise.all(partitions.map(({ partition }) => endOf(cluster, { topic, partition })));
      return;
    } catch (error) {
      if (!isPassing(error) || performance.now() > deadlineMs) throw error;
    }
    await new Promise((resolve) => setTimeout(resolve, waitMs));
  }
}

async function endOf(cluster: Cluster, at: { readonly topic: string; readonly partition: number }): Promise<void> {
  await offsetOf(await cluster.leaderOf(at.topic, at.partition), at, "latest");
}

async function describeTopic(cluster: Cluster, topic: string): Promise<ReadonlyMap<string, string>> {
  try {
    const { resources } = await cluster.administer((admin) =>
      admin.describeConfigs({
        includeSynonyms: false,
        resources: [{ type: TOPIC_RESOURCE, name: topic, configNames: SETTINGS }],
      })
    );
    return new Map(resources[0].configEntries.map(({ configName, configValue }) => [configName, configValue]));
  } catch {
    // Who may write a topic may not be allowed to look at its configuration: the broker will say what is too large.
    return new Map();
  }
}

function limitsOf(settings: ReadonlyMap<string, string>): Pick<SinkTopic, "batchBytesMax" | "retentionMs"> {
  const retentionMs = Number(settings.get("retention.ms") ?? -1);
  const isDropped = settings.get("cleanup.policy")?.includes("delete") && retentionMs >= 0 &&
    settings.get("message.timestamp.type") !== "LogAppendTime";
  return {
    batchBytesMax: Number(settings.get("max.message.bytes") ?? BATCH_BYTES_MAX),
    retentionMs: isDropped ? retentionMs : Infinity,
  };
}
