/**
 * Kafka topics as streams: partitions are numbered, offsets are Kafka's, event times are the records' timestamps.
 *
 * Only committed records are read (`protocol/record_set.ts`). A position that the log does not have any more is a gap;
 * one that it never had, or a topic of the same name that is another one, stops the run.
 */

import { type Batch, offsetAt, sliceBatch } from "../../engine/batch.ts";
import {
  KNOWN_MS_MAX,
  type ReadLimit,
  type ReadResult,
  type Source,
  SourceError,
  type SourcePartition,
} from "../source.ts";
import { until } from "../until.ts";
import { connectionOf, type ConnectionSettings } from "./connection_settings.ts";
import { Fetcher } from "./fetcher.ts";
import type { KafkaLocation } from "./location.ts";
import { outageNotice, type PatienceOptions, patiently } from "../patience.ts";
import { patience } from "./patience.ts";
import { Cluster } from "./protocol/cluster.ts";
import { type OffsetOf, offsetOf } from "./protocol/fetch.ts";
import { CODE, isPassing, KafkaError } from "./protocol/kafka_error.ts";
import type { TopicMetadata } from "./protocol/metadata.ts";
import { otherLog, reasonOf, startBehindEnd } from "./source_errors.ts";

/** Where a run that reads a topic for the first time begins. */
export type KafkaStart = OffsetOf | { readonly offset: bigint } | { readonly last: bigint };

/** How long a broker that is out of reach is tried again. */
const OUTAGE_MS_MAX = 300_000;
/** The same before the run has begun. */
const OPEN_MS_MAX = 10_000;
const TRIMMED = "the topic's retention is shorter than the run was behind";

/** How to read topics. */
export interface KafkaSourceOptions extends KafkaLocation {
  /** Topics whose whole name it matches are read besides those named, also ones that are made later. */
  readonly match?: RegExp;
  /** Whether topics end where they end now. */
  readonly isBounded: boolean;
  /** Where a run that has not read a topic yet begins. */
  readonly start: KafkaStart;
  /** How to connect. */
  readonly settings: ConnectionSettings;
  /** Something a person should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** See the module. */
export class KafkaSource implements Source {
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime = true;
  readonly #options: KafkaSourceOptions;
  readonly #cluster: Cluster;
  readonly #fetcher: Fetcher;
  readonly #onOutage: PatienceOptions["onOutage"];
  /** Where a bounded topic ends. */
  readonly #ends = new Map<string, bigint>();
  #partitions: readonly SourcePartition[];

  private constructor(options: KafkaSourceOptions, cluster: Cluster, partitions: readonly SourcePartition[]) {
    this.#options = options;
    this.#cluster = cluster;
    this.#partitions = partitions;
    const names = [...options.topics, ...(options.match ? [`?match=${options.match.source}`] : [])];
    this.identity = `kafka:${cluster.id}/${names.join(",")}`;
    this.#onOutage = outageNotice(addressOf(options), options.onNotice);
    this.#fetcher = new Fetcher({ cluster, outageMsMax: OUTAGE_MS_MAX, onOutage: this.#onOutage });
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when no broker answers, or there is no such topic
   */
  static async open(options: KafkaSourceOptions): Promise<KafkaSource> {
    const { brokers, topics, settings } = options;
    let cluster: Cluster | undefined;
    try {
      cluster = await Cluster.connect(connectionOf(brokers, settings), topics[0]);
      const found = cluster;
      const partitions = await patiently(patience(found, OPEN_MS_MAX), () => findPartitions(options, found));
      return new KafkaSource(options, cluster, partitions);
    } catch (cause) {
      cluster?.close();
      throw unreadable(options, cause);
    }
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    if (this.#options.isBounded) return this.#partitions;
    return this.#partitions = await this.#patiently(OPEN_MS_MAX, async () => {
      await this.#cluster.refresh();
      return await findPartitions(this.#options, this.#cluster);
    });
  }

  async start(at: SourcePartition): Promise<bigint> {
    const { start } = this.#options;
    if (typeof start === "object" && ("offset" in start || "last" in start)) {
      const [first, end] = [(await this.#offset(at, "earliest"))!, await this.latest(at)];
      if ("last" in start) return end - start.last > first ? end - start.last : first;
      if (start.offset > end) throw startBehindEnd(at, start.offset, first, end);
      return start.offset;
    }
    return await this.#offset(at, start) ?? await this.latest(at);
  }

  /** Wherever the run began: all records of such a partition are newer. */
  startOfAdded(): Promise<bigint> {
    return Promise.resolve(0n);
  }

  async latest(at: SourcePartition): Promise<bigint> {
    return (await this.#offset(at, "latest"))!;
  }

  async verify(at: SourcePartition, position: bigint, anchor: string | undefined): Promise<void> {
    const { stream, partition } = at;
    const { id } = await this.#patiently(OUTAGE_MS_MAX, () => this.#cluster.topic(stream));
    if (anchor !== undefined && anchor !== id) {
      throw new SourceError(
        `Cannot go on reading ${stream}/${partition}: the topic was deleted and made anew since offset ${position} was read. ` +
          "Start a run with another --name",
        { code: "E_SOURCE_CHANGED", stream, partition, offset: position },
      );
    }
    const end = await this.latest(at);
    // What was trimmed before it was read is told by the first read, and may be accepted.
    if (position > end) throw otherLog(at, position, (await this.#offset(at, "earliest"))!, end);
  }

  /** The topic's id is the same for all of it. */
  anchorAt({ anchor }: Batch): string | undefined {
    return anchor;
  }

  async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const key = `${at.stream}/${at.partition}`;
    const end = this.#options.isBounded ? this.#ends.get(key) ?? await this.#pinEnd(key, at, limit) : undefined;
    if (end !== undefined && this.#fetcher.positionOf(at, from) >= end) return { kind: "ended" };
    let taken = await this.#fetcher.take(at, from, { ...limit, end });
    if (taken === undefined && limit.untilKnown) {
      await this.#fetcher.known(at, KNOWN_MS_MAX);
      taken = await this.#fetcher.take(at, from, { ...limit, end });
    }
    if (taken === undefined) {
      return { kind: "idle", isUnsure: limit.looksAgain === true && await this.#hasMore(at, from) };
    }
    if ("first" in taken) return { kind: "gap", to: taken.first, reason: TRIMMED };
    const batch = end === undefined ? taken : before(taken, end);
    return batch ? { kind: "batch", batch } : { kind: "ended" };
  }

  waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    return until(this.#fetcher.moved(at), signal);
  }

  close(): Promise<void> {
    this.#fetcher.close();
    this.#cluster.close();
    return Promise.resolve();
  }

  /** Whether the log goes on behind what has been looked through for a reader at `from`. */
  async #hasMore(at: SourcePartition, from: bigint): Promise<boolean> {
    return await this.latest(at) > this.#fetcher.positionOf(at, from);
  }

  async #pinEnd(key: string, at: SourcePartition, { leave }: ReadLimit): Promise<bigint> {
    const end = (await this.#offset(at, "latest", leave))!;
    this.#ends.set(key, end);
    return end;
  }

  async #offset(
    { stream, partition }: SourcePartition,
    where: OffsetOf,
    leave?: AbortSignal,
  ): Promise<bigint | undefined> {
    const at = { topic: stream, partition: Number(partition) };
    return await this.#patiently(
      OUTAGE_MS_MAX,
      async () => await offsetOf(await this.#cluster.leaderOf(at.topic, at.partition), at, where),
      leave,
    );
  }

  async #patiently<Answer>(
    timeMsMax: number,
    attempt: () => Promise<Answer>,
    leave?: AbortSignal,
  ): Promise<Answer> {
    try {
      return await patiently(patience(this.#cluster, timeMsMax, { onOutage: this.#onOutage, leave }), attempt);
    } catch (cause) {
      throw unreadable(this.#options, cause);
    }
  }
}

/** The error of topics that cannot be read; one that says what is wrong already stays. */
function unreadable(options: KafkaSourceOptions, cause: unknown): Error {
  if (cause instanceof SourceError || (cause as { readonly code?: unknown }).code === "E_USAGE") return cause as Error;
  const code = isPassing(cause) ? "E_SOURCE_UNREACHABLE" : "E_SOURCE_UNREADABLE";
  const details = { code, stream: options.topics.join(","), cause };
  return new SourceError(`Cannot read ${addressOf(options)}: ${reasonOf(cause)}`, details);
}

function addressOf({ brokers, topics }: KafkaSourceOptions): string {
  return `kafka://${brokers.join(",")}/${topics.join(",")}`;
}

/** The rows of `batch` before `end`, if any: a fetch brings what was written since the end was pinned, too. */
function before(batch: Batch, end: bigint): Batch | undefined {
  if (batch.next <= end) return batch;
  let rows = batch.count;
  while (rows > 0 && offsetAt(batch, rows - 1) >= end) rows--;
  if (rows === batch.count) return batch;
  return rows === 0 ? undefined : sliceBatch(batch, 0, rows);
}

/** The partitions of the topics that are named, and of those that the pattern finds. */
async function findPartitions(
  { topics, match }: KafkaSourceOptions,
  cluster: Cluster,
): Promise<readonly SourcePartition[]> {
  const named = await Promise.all(topics.map((topic) => namedTopic(cluster, topic)));
  const whole = match && new RegExp(`^(?:${match.source})$`, match.flags);
  const found = whole
    ? (await cluster.topics()).filter(({ topic, isInternal }) =>
      !isInternal && whole.test(topic) && !topics.includes(topic)
    )
    : [];
  const all = [...named, ...found].sort((a, b) => a.topic < b.topic ? -1 : 1);
  return all.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition }) => ({ stream: topic, partition: String(partition) }))
  );
}

/** That a topic is missing will not pass by itself, though while a cluster starts it looks the same. */
async function namedTopic(cluster: Cluster, topic: string): Promise<TopicMetadata> {
  try {
    return await cluster.topic(topic);
  } catch (cause) {
    if (!(cause instanceof KafkaError && cause.errorCode === CODE.unknownTopicOrPartition)) throw cause;
    const message = `Cannot read topic ${topic}: there is none of that name`;
    throw new SourceError(message, { code: "E_NO_TOPIC", stream: topic, cause });
  }
}
