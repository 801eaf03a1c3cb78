/**
 * A Kafka topic as a stream: its partitions are numbered, offsets are Kafka's, event times are the records' timestamps.
 *
 * Only committed records are read (`record_set.ts`). A position that the log does not have any more stops the run.
 */

import type { ReadLimit, ReadResult, Source } from "../source.ts";
import { SourceError } from "../source.ts";
import { Fetcher } from "./fetcher.ts";
import { connectionOf, type KafkaLocation } from "./location.ts";
import { Cluster } from "./protocol/cluster.ts";
import { type OffsetOf, offsetOf } from "./protocol/fetch.ts";

/** Where a run that reads the topic for the first time begins. */
export type KafkaStart = OffsetOf | { readonly offset: bigint };

/** How to read a topic. */
export interface KafkaSourceOptions extends KafkaLocation {
  /** Whether the topic ends where it ends now. */
  readonly isBounded: boolean;
  /** Where a run that has not read the topic yet begins. */
  readonly start: KafkaStart;
  /** Variables that say how to connect; see `location.ts`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** See the module. */
export class KafkaSource implements Source {
  readonly stream: string;
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime = true;
  readonly #options: KafkaSourceOptions;
  readonly #cluster: Cluster;
  readonly #fetcher: Fetcher;
  /** Where a bounded topic ends. */
  readonly #ends = new Map<number, bigint>();

  private constructor(options: KafkaSourceOptions, cluster: Cluster) {
    this.#options = options;
    this.#cluster = cluster;
    this.stream = options.topic;
    this.identity = `kafka:${cluster.id}/${options.topic}`;
    this.#fetcher = new Fetcher(cluster, options.topic);
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when no broker answers, or there is no such topic
   */
  static async open(options: KafkaSourceOptions): Promise<KafkaSource> {
    const { brokers, topic, environment } = options;
    let cluster: Cluster | undefined;
    try {
      cluster = await Cluster.connect(connectionOf(brokers, environment));
      await cluster.partitionsOf(topic);
      return new KafkaSource(options, cluster);
    } catch (cause) {
      await cluster?.close();
      throw new SourceError(`Cannot read kafka://${brokers.join(",")}/${topic}: ${(cause as Error).message}`, {
        code: "E_SOURCE_UNREADABLE",
        stream: topic,
        cause,
      });
    }
  }

  async partitions(): Promise<readonly string[]> {
    return (await this.#cluster.partitionsOf(this.stream)).map(String).sort();
  }

  async earliest(partition: string): Promise<bigint> {
    const { start } = this.#options;
    if (typeof start === "object" && "offset" in start) return start.offset;
    return await this.#offset(Number(partition), start) ?? await this.latest(partition);
  }

  async latest(partition: string): Promise<bigint> {
    return (await this.#offset(Number(partition), "latest"))!;
  }

  async verify(partition: string, position: bigint): Promise<void> {
    const first = (await this.#offset(Number(partition), "earliest"))!;
    const end = await this.latest(partition);
    if (first <= position && position <= end) return;
    throw new SourceError(
      `Cannot go on reading ${this.stream}/${partition}: it has offsets ${first} to ${end}, ${position} is wanted; ` +
        "records were trimmed before they were read, or the topic was made anew. Start a run with another --name",
      { code: "E_SOURCE_CHANGED", stream: this.stream, partition, offset: position },
    );
  }

  async read(partition: string, from: bigint, { recordsMax }: ReadLimit): Promise<ReadResult> {
    const number = Number(partition);
    const end = this.#options.isBounded ? this.#ends.get(number) ?? await this.#pinEnd(number) : undefined;
    if (end !== undefined && this.#fetcher.positionOf(number, from) >= end) return { kind: "ended" };
    const batch = this.#fetcher.take(number, from, recordsMax);
    return batch ? { kind: "batch", batch } : { kind: "idle" };
  }

  waitForMore(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        signal.removeEventListener("abort", done);
        resolve();
      };
      signal.addEventListener("abort", done);
      this.#fetcher.arrival.then(done);
    });
  }

  async close(): Promise<void> {
    this.#fetcher.close();
    await this.#cluster.close();
  }

  async #pinEnd(partition: number): Promise<bigint> {
    const end = await this.latest(String(partition));
    this.#ends.set(partition, end);
    return end;
  }

  async #offset(partition: number, where: OffsetOf): Promise<bigint | undefined> {
    const broker = await this.#cluster.leaderOf(this.stream, partition);
    return await offsetOf(broker, { topic: this.stream, partition }, where);
  }
}
