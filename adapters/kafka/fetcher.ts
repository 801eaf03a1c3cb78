/**
 * Reads partitions ahead: one Fetch at a time per broker, for all partitions that want records, so that a broker's
 * connection is never blocked by one of them. A partition holds one answer, or several small ones; the next is asked for
 * when they were taken.
 *
 * Whatever passes (leaders that move, brokers that restart) is tried again, with pauses, for a limited time; then the
 * reader is told.
 */

import { type Batch, joinBatches, rowsWithin, sliceBatch } from "../../engine/batch.ts";
import type { ReadLimit, SourcePartition } from "../source.ts";
import { Patience, type PatienceOptions, patiently } from "../patience.ts";
import { patience as patienceFor } from "./patience.ts";
import type { Broker, Cluster } from "./protocol/cluster.ts";
import { type FetchAnswer, type Fetched, type FetchFrom, fetchFrom, offsetOf } from "./protocol/fetch.ts";
import { CODE, isPassing, isTimeout, KafkaError } from "./protocol/kafka_error.ts";
import { decodeRecordSet } from "./protocol/record_set.ts";
import { explain, otherLog } from "./source_errors.ts";

/** Of many partitions, one answer has some, and the next one has others: feeds of theirs are as large as those of few. */
const ANSWER_BYTES_MAX = 8 * 1024 * 1024;
const PARTITION_BYTES_MAX = 1024 * 1024;
/** While all partitions together hold more than this, others still get as much as nobody can do without. */
const BUFFER_BYTES_MAX = 32 * 1024 * 1024;
const PARTITION_BYTES_MIN = 128 * 1024;
/** An answer that comes sooner than this may be larger the next time. */
const QUICK_MS = 1_000;
/** What is smaller, and not taken yet, is added to: a reader that is busy finds all that has come meanwhile. */
const TOP_UP_BYTES_MAX = 64 * 1024;
const TOP_UP_PAUSE_MS = 2;
/** How long a broker may wait for records: short while some arrive, longer and longer while none do. */
const WAIT_MS_FIRST = 5;
const WAIT_MS_MAX = 500;

/** Records from `position` on are gone. */
export interface FetchGap {
  readonly first: bigint;
}

/** What one read may bring. */
export interface TakeLimit extends ReadLimit {
  /** Where the reader is to end: nothing behind it is fetched. */
  readonly end?: bigint | undefined;
}

/** What there is for a reader: records, a gap, or nothing yet. */
export type Taken = Batch | FetchGap | undefined;

interface Lane extends SourcePartition {
  readonly number: number;
  /** The topic's id: what the records are an anchor of. */
  readonly topicId: string;
  /** Where the reader stands; the log may have nothing to show up to `position`. */
  asked: bigint;
  /** Where the next fetch begins. */
  position: bigint;
  /** See {@linkcode TakeLimit.end}. */
  readonly end: bigint | undefined;
  batch: Batch | undefined;
  /** Whether the log ended here when it was last looked at. */
  isCaughtUp: boolean;
  /** Tells when it had records last, by the number of the answer. */
  servedAt: number;
  gap: FetchGap | undefined;
  error: unknown;
  /** The broker whose fetches it is part of. */
  leader: number | undefined;
  isPumped: boolean;
  /** Settles when the lane has moved on. */
  moved: PromiseWithResolvers<void>;
}

/** How to fetch. */
export interface FetcherOptions {
  readonly cluster: Cluster;
  /** How long what passes is tried again. */
  readonly outageMsMax: number;
  /** Told of errors that last. */
  readonly onOutage: PatienceOptions["onOutage"];
}

/** See the module. */
export class Fetcher {
  readonly #options: FetcherOptions;
  readonly #cluster: Cluster;
  readonly #lanes = new Map<string, Lane>();
  readonly #fetching = new Map<number, Promise<void>>();
  #answers = 0;
  /** By broker, what an answer may hold: less once one has not arrived in time, or nothing ever would over a slow line. */
  readonly #answerBytesMax = new Map<number, number>();
  #isClosed = false;

  constructor(options: FetcherOptions) {
    this.#options = options;
    this.#cluster = options.cluster;
  }

  /**
   * Takes what has arrived at `from`, up to `limit`; undefined while nothing has.
   *
   * @throws {SourceError} when the broker cannot be reached for too long, or refuses
   */
  async take(at: SourcePartition, from: bigint, limit: TakeLimit): Promise<Taken> {
    const lane = this.#lane(at, from) ?? await this.#openLane(at, from, limit);
    const { batch } = lane;
    if (!batch) {
      // Only now: what had come before an error is whole.
      if (lane.error !== undefined) throw lane.error;
      if (lane.gap) return lane.gap;
      void this.#pump(lane);
      return undefined;
    }
    const rows = rowsWithin(batch, limit);
    const taken = rows === batch.count ? batch : sliceBatch(batch, 0, rows);
    lane.batch = taken === batch ? undefined : sliceBatch(batch, rows, batch.count);
    lane.asked = taken.next;
    void this.#pump(lane);
    return taken;
  }

  /** Waits until there is something to take at `at`, or it is known that there was nothing; no longer than `timeMsMax`. */
  async known({ stream, partition }: SourcePartition, timeMsMax: number): Promise<void> {
    const lane = this.#lanes.get(`${stream}/${partition}`);
    let isLate = false;
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(() => {
      isLate = true;
      resolve();
    }, timeMsMax);
    while (lane && !isLate && !this.#isClosed && !lane.isCaughtUp && !hasNews(lane)) {
      await Promise.race([lane.moved.promise, late]);
    }
    clearTimeout(timer);
  }

  /** How far the log has been looked through for a reader at `from`. */
  positionOf(at: SourcePartition, from: bigint): bigint {
    const lane = this.#lane(at, from);
    return !lane || lane.batch ? from : lane.position;
  }

  /** Resolves when one of the lanes `at` has something to take, or has moved on. */
  async moved(at: readonly SourcePartition[]): Promise<void> {
    const lanes = at.map(({ stream, partition }) => this.#lanes.get(`${stream}/${partition}`)).filter((lane) => !!lane);
    if (this.#isClosed || lanes.some(hasNews)) return;
    await Promise.race(lanes.map((lane) => lane.moved.promise));
  }

  close(): void {
    this.#isClosed = true;
    for (const lane of this.#lanes.values()) wake(lane);
  }

  #lane({ stream, partition }: SourcePartition, from: bigint): Lane | undefined {
    const lane = this.#lanes.get(`${stream}/${partition}`);
    return lane?.asked === from ? lane : undefined;
  }

  async #topicId(at: SourcePartition, from: bigint, { leave }: TakeLimit): Promise<string> {
    try {
      return (await patiently({ ...this.#patience(), leave }, () => this.#cluster.topic(at.stream))).id;
    } catch (cause) {
      throw explain(at, from, cause);
    }
  }

  #patience(): PatienceOptions {
    const { cluster, outageMsMax, onOutage } = this.#options;
    return patienceFor(cluster, outageMsMax, { onOutage });
  }

  async #openLane(at: SourcePartition, from: bigint, limit: TakeLimit): Promise<Lane> {
    const { stream, partition } = at;
    const topicId = this.#lanes.get(`${stream}/${partition}`)?.topicId ?? await this.#topicId(at, from, limit);
    const { end } = limit;
    const place = { stream, partition, number: Number(partition), topicId, asked: from, position: from, end };
    const nothing = {
      batch: undefined,
      isCaughtUp: false,
      servedAt: 0,
      gap: undefined,
      error: undefined,
      leader: undefined,
      isPumped: false,
    };
    const lane: Lane = { ...place, ...nothing, moved: Promise.withResolvers() };
    this.#lanes.set(`${stream}/${partition}`, lane);
    return lane;
  }

  #wants(lane: Lane): boolean {
    const isCurrent = this.#lanes.get(`${lane.stream}/${lane.partition}`) === lane;
    const hasRoom = !lane.batch || lane.batch.bytes.length < TOP_UP_BYTES_MAX;
    return isCurrent && !this.#isClosed && hasRoom && !lane.gap && lane.error === undefined && !hasEnded(lane);
  }

  /** Has `lane` fetched until it holds something. */
  async #pump(lane: Lane): Promise<void> {
    if (lane.isPumped) return;
    lane.isPumped = true;
    const patience = new Patience(this.#patience());
    while (this.#wants(lane)) {
      try {
        const broker = await this.#cluster.leaderOf(lane.stream, lane.number);
        lane.leader = broker.nodeId;
        await this.#fetchAll(broker);
        patience.restore();
      } catch (error) {
        lane.leader = undefined;
        await patience.endure(error).catch(() => lane.error = explain(lane, lane.position, error));
      }
    }
    lane.isPumped = false;
    wake(lane);
  }

  /** Fetches from `broker` until none of its lanes wants more; lanes share one such loop per broker. */
  #fetchAll(broker: Broker): Promise<void> {
    const { nodeId } = broker;
    const known = this.#fetching.get(nodeId);
    if (known) return known;
    const fetching = this.#loop(broker).finally(() => this.#fetching.delete(nodeId));
    this.#fetching.set(nodeId, fetching);
    return fetching;
  }

  async #loop(broker: Broker): Promise<void> {
    let waitMs = WAIT_MS_FIRST;
    for (;;) {
      const lanes = [...this.#lanes.values()].filter((lane) => lane.leader === broker.nodeId && this.#wants(lane));
      if (lanes.length === 0) return;
      // Whoever has something to read already may as well wait until more has come.
      if (lanes.every(hasNews)) await new Promise((resolve) => setTimeout(resolve, TOP_UP_PAUSE_MS));
      const hasArrived = await this.#fetchOnce(broker, lanes, waitMs);
      waitMs = hasArrived ? WAIT_MS_FIRST : Math.min(2 * waitMs, WAIT_MS_MAX);
    }
  }

  async #fetchOnce(broker: Broker, lanes: readonly Lane[], waitMs: number): Promise<boolean> {
    // A broker fills its answer in this order.
    const from = lanes.toSorted((a, b) => a.servedAt - b.servedAt)
      .map(({ stream, number, position }) => ({ topic: stream, partition: number, position }));
    const answers = await this.#ask(broker, from, waitMs);
    this.#answers++;
    let hasArrived = false;
    let passing: KafkaError | undefined;
    for (const answer of answers.partitions) {
      const lane = lanes.find(({ stream, number }) => stream === answer.topic && number === answer.partition)!;
      // The reader went elsewhere while the broker answered.
      if (!this.#wants(lane)) continue;
      if (answer.errorCode === 0) {
        hasArrived = this.#accept(lane, answer) || hasArrived;
        continue;
      }
      const error = new KafkaError(answer.errorCode, `read ${lane.stream}/${lane.partition}`);
      if (isPassing(error)) passing = error;
      else if (answer.errorCode === CODE.offsetOutOfRange) await this.#findGap(broker, lane);
      else lane.error = explain(lane, lane.position, error);
      wake(lane);
    }
    answers.release();
    if (passing) throw passing;
    return hasArrived;
  }

  async #ask(broker: Broker, from: readonly FetchFrom[], waitMs: number): Promise<FetchAnswer> {
    const { nodeId } = broker;
    const bytesMax = this.#answerBytesMax.get(nodeId) ?? ANSWER_BYTES_MAX;
    const startMs = performance.now();
    try {
      const limit = { waitMs, bytesMax, partitionBytesMax: Math.min(this.#partitionBytesMax(), bytesMax) };
      const answers = await fetchFrom(broker, from, limit);
      const isQuick = performance.now() - startMs < waitMs + QUICK_MS;
      if (isQuick) this.#answerBytesMax.set(nodeId, Math.min(2 * bytesMax, ANSWER_BYTES_MAX));
      return answers;
    } catch (error) {
      if (isTimeout(error)) this.#answerBytesMax.set(nodeId, Math.max(bytesMax / 4, PARTITION_BYTES_MIN));
      throw error;
    }
  }

  #partitionBytesMax(): number {
    let held = 0;
    for (const { batch } of this.#lanes.values()) held += batch?.bytes.length ?? 0;
    return held > BUFFER_BYTES_MAX ? PARTITION_BYTES_MIN : PARTITION_BYTES_MAX;
  }

  /** Takes in what was fetched; whether the lane has moved on. */
  #accept(lane: Lane, answer: Fetched): boolean {
    const hasMoved = accept(lane, answer);
    if (hasMoved) lane.servedAt = this.#answers;
    const wasCaughtUp = lane.isCaughtUp;
    lane.isCaughtUp = !hasMoved && lane.position >= answer.stableEnd;
    if (hasMoved || (lane.isCaughtUp && !wasCaughtUp)) wake(lane);
    return hasMoved;
  }

  /** A position before the first offset is a gap; one behind the end means that the log is another one. */
  async #findGap(broker: Broker, lane: Lane): Promise<void> {
    const at = { topic: lane.stream, partition: lane.number };
    const first = (await offsetOf(broker, at, "earliest"))!;
    if (lane.position < first) {
      lane.gap = { first };
    } else {
      lane.error = otherLog(lane, lane.position, first, (await offsetOf(broker, at, "latest"))!);
    }
  }
}

function hasNews(lane: Lane): boolean {
  const { batch, gap, error } = lane;
  return batch !== undefined || gap !== undefined || error !== undefined || hasEnded(lane);
}

function hasEnded({ position, end }: Lane): boolean {
  return end !== undefined && position >= end;
}

function wake(lane: Lane): void {
  lane.moved.resolve();
  lane.moved = Promise.withResolvers();
}

/** Takes in what was fetched; whether anything was. */
function accept(lane: Lane, { position, recordSet, aborted }: Fetched): boolean {
  const { stream, partition, topicId } = lane;
  try {
    const batch = decodeRecordSet({ stream, partition, bytes: recordSet, position, aborted, anchor: topicId });
    lane.position = batch.next;
    if (batch.count > 0) lane.batch = lane.batch ? joinBatches([lane.batch, batch]) : batch;
    return batch.next > position;
  } catch (error) {
    lane.error = explain(lane, lane.position, error);
    return true;
  }
}
