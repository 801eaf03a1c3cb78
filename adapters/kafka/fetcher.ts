/**
 * Reads partitions ahead: one Fetch at a time per broker, for all partitions that want records, so that a broker's
 * connection is never blocked by one of them. A partition holds one answer; the next is asked for when it was taken.
 */

import { type Batch, sliceBatch } from "../../engine/batch.ts";
import { SourceError } from "../source.ts";
import type { Broker, Cluster } from "./protocol/cluster.ts";
import { type Fetched, fetchFrom, offsetOf } from "./protocol/fetch.ts";
import { CODE, KafkaError } from "./protocol/kafka_error.ts";
import { decodeRecordSet } from "./protocol/record_set.ts";

const BYTES_MAX = 64 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
/** How long a broker may wait for records: short while some arrive, longer and longer while none do. */
const WAIT_MS_FIRST = 5;
const WAIT_MS_MAX = 500;
const RETRY_MS_FIRST = 50;
const RETRY_MS_MAX = 5_000;

/** The leader is another one by now. */
const MOVED: ReadonlySet<number> = new Set([
  CODE.notLeaderOrFollower,
  CODE.leaderNotAvailable,
  CODE.fencedLeaderEpoch,
  CODE.unknownTopicOrPartition,
]);

interface Lane {
  readonly partition: number;
  /** Where the reader stands; the log may have nothing to show up to `position`. */
  asked: bigint;
  /** Where the next fetch begins. */
  position: bigint;
  batch: Batch | undefined;
  error: unknown;
}

/** See the module. */
export class Fetcher {
  readonly #cluster: Cluster;
  readonly #topic: string;
  readonly #lanes = new Map<number, Lane>();
  readonly #pumping = new Set<number>();
  #arrival = Promise.withResolvers<void>();
  #isClosed = false;

  constructor(cluster: Cluster, topic: string) {
    this.#cluster = cluster;
    this.#topic = topic;
  }

  /**
   * Takes what has arrived at `from`, up to `recordsMax`; undefined while nothing has.
   *
   * @throws {SourceError} when the broker does not have the position any more
   */
  take(partition: number, from: bigint, recordsMax: number): Batch | undefined {
    const lane = this.#laneAt(partition, from);
    if (lane.error !== undefined) throw lane.error;
    const { batch } = lane;
    if (!batch) {
      this.#pump(lane);
      return undefined;
    }
    const taken = batch.count <= recordsMax ? batch : sliceBatch(batch, 0, recordsMax);
    lane.batch = taken === batch ? undefined : sliceBatch(batch, recordsMax, batch.count);
    lane.asked = taken.next;
    if (!lane.batch) this.#pump(lane);
    return taken;
  }

  /** How far the log has been looked through for a reader at `from`. */
  positionOf(partition: number, from: bigint): bigint {
    const lane = this.#laneAt(partition, from);
    return lane.batch ? from : lane.position;
  }

  /** Resolves when something arrives. */
  get arrival(): Promise<void> {
    return this.#arrival.promise;
  }

  close(): void {
    this.#isClosed = true;
    this.#arrival.resolve();
  }

  #laneAt(partition: number, from: bigint): Lane {
    const known = this.#lanes.get(partition);
    if (known?.asked === from) return known;
    const lane: Lane = { partition, asked: from, position: from, batch: undefined, error: undefined };
    this.#lanes.set(partition, lane);
    return lane;
  }

  #pump(lane: Lane): void {
    // What goes wrong is told to the reader of the lane.
    this.#cluster.leaderOf(this.#topic, lane.partition).then((broker) => this.#fetchAll(broker)).catch((error) => {
      lane.error = error;
      this.#announce();
    });
  }

  async #fetchAll(broker: Broker): Promise<void> {
    if (this.#pumping.has(broker.nodeId)) return;
    this.#pumping.add(broker.nodeId);
    let waitMs = WAIT_MS_FIRST;
    let retryMs = RETRY_MS_FIRST;
    for (let lanes; !this.#isClosed && (lanes = await this.#wanting(broker)).length > 0;) {
      try {
        const hasArrived = await this.#fetchOnce(broker, lanes, waitMs);
        waitMs = hasArrived ? WAIT_MS_FIRST : Math.min(2 * waitMs, WAIT_MS_MAX);
        retryMs = RETRY_MS_FIRST;
      } catch (error) {
        if (this.#isClosed) break;
        if (!isRetriable(error)) {
          for (const lane of lanes) lane.error = error;
          break;
        }
        // The connection is kafkajs's, which finds another broker; how long it is patient is the user's to say by Ctrl-C.
        await new Promise((resolve) => setTimeout(resolve, retryMs));
        retryMs = Math.min(2 * retryMs, RETRY_MS_MAX);
        await this.#cluster.refresh().catch(() => {});
      }
    }
    this.#pumping.delete(broker.nodeId);
    this.#announce();
  }

  async #wanting(broker: Broker): Promise<readonly Lane[]> {
    const wanting: Lane[] = [];
    for (const lane of this.#lanes.values()) {
      if (lane.batch || lane.error !== undefined) continue;
      const leader = await this.#cluster.leaderOf(this.#topic, lane.partition);
      if (leader.nodeId === broker.nodeId) wanting.push(lane);
      else if (!this.#pumping.has(leader.nodeId)) this.#pump(lane);
    }
    return wanting;
  }

  async #fetchOnce(broker: Broker, lanes: readonly Lane[], waitMs: number): Promise<boolean> {
    const from = lanes.map(({ partition, position }) => ({ topic: this.#topic, partition, position }));
    const limit = { waitMs, bytesMax: BYTES_MAX, partitionBytesMax: PARTITION_BYTES_MAX };
    const answers = await fetchFrom(broker, from, limit);
    let hasArrived = false;
    let hasMoved = false;
    for (const answer of answers) {
      const lane = lanes.find(({ partition }) => partition === answer.partition)!;
      // The reader went elsewhere while the broker answered.
      if (lane !== this.#lanes.get(lane.partition)) continue;
      if (answer.errorCode === 0) hasArrived = this.#accept(lane, answer) || hasArrived;
      else if (MOVED.has(answer.errorCode)) hasMoved = true;
      else lane.error = await this.#explain(broker, lane, answer);
    }
    if (hasArrived) this.#announce();
    if (hasMoved) throw new KafkaError(CODE.notLeaderOrFollower, `read ${this.#topic}`);
    return hasArrived;
  }

  #accept(lane: Lane, { position, recordSet, aborted }: Fetched): boolean {
    const stream = this.#topic;
    const batch = decodeRecordSet({ stream, partition: String(lane.partition), bytes: recordSet, position, aborted });
    lane.position = batch.next;
    if (batch.count > 0) lane.batch = batch;
    return batch.next > position;
  }

  async #explain(broker: Broker, lane: Lane, { errorCode }: Fetched): Promise<Error> {
    const { partition, position } = lane;
    const place = { stream: this.#topic, partition: String(partition), offset: position };
    if (errorCode !== CODE.offsetOutOfRange) return new KafkaError(errorCode, `read ${this.#topic}/${partition}`);
    const first = await offsetOf(broker, { topic: this.#topic, partition }, "earliest");
    return new SourceError(
      `Cannot read ${this.#topic}/${partition}: offset ${position} is not there, the first left is ${first}; ` +
        "the topic's retention is shorter than the run was behind, or it was made anew. Start a run with another --name",
      { code: "E_GAP", ...place },
    );
  }

  #announce(): void {
    this.#arrival.resolve();
    this.#arrival = Promise.withResolvers();
  }
}

/** Whether another attempt may help: a lost connection, a leader that moves. */
function isRetriable(error: unknown): boolean {
  if (error instanceof KafkaError) return MOVED.has(error.errorCode);
  const { name = "", retriable } = error as { name?: string; retriable?: boolean };
  return retriable !== false && name.startsWith("KafkaJS");
}
