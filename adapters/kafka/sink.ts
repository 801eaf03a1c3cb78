/**
 * A Kafka topic as a sink: the outputs of a feed and the checkpoint of its task are one transaction.
 *
 * Keys decide partitions as they do for Java's producer; outputs without a key go to the partition of their feed's
 * number, so that a feed that is run again writes the same bytes to the same place. The guarantee is for readers with
 * `isolation.level=read_committed`.
 */

import type { PackedOutputs } from "../../engine/output.ts";
import { type Acquired, type Commit, type Receipt, type Sink, SinkError } from "../sink.ts";
import { checkpointBatch, checkpointTopic, readCheckpoint } from "./checkpoint.ts";
import { connectionOf, type KafkaLocation } from "./location.ts";
import { BatchEncoder, RECORD_OVERHEAD } from "./protocol/batch_encoder.ts";
import { Cluster } from "./protocol/cluster.ts";
import type { Codec } from "./protocol/compression.ts";
import { CODE, KafkaError } from "./protocol/kafka_error.ts";
import { partitionOfKey } from "./protocol/murmur2.ts";
import { TransactionalProducer, type TransactionProtocol, transactionProtocolOf } from "./protocol/transaction.ts";

/** A broker refuses batches above 1,048,588 bytes unless it is told otherwise. */
const BATCH_BYTES_MAX = 1_000_000;
const TRANSACTION_TIMEOUT_MS = 60_000;

/** How to write a topic. */
export interface KafkaSinkOptions extends KafkaLocation {
  /** The name of the run: its transactional ids and its checkpoints bear it. */
  readonly run: string;
  /** How batches are compressed. */
  readonly compression: Codec;
  /** Variables that say how to connect; see `location.ts`. */
  readonly environment: Readonly<Record<string, string>>;
}

/** See the module. */
export class KafkaSink implements Sink {
  readonly guarantee = "exactly-once";
  readonly home = "sink";
  readonly takesManyTasks = true;
  readonly description: string;
  readonly #options: KafkaSinkOptions;
  readonly #cluster: Cluster;
  readonly #protocol: TransactionProtocol;
  readonly #partitions: number;
  readonly #checkpoints: string;
  readonly #producers = new Map<string, TransactionalProducer>();
  /** Adding a partition for a new task's checkpoints is one thing at a time. */
  #administration: Promise<void> = Promise.resolve();

  private constructor(options: KafkaSinkOptions, cluster: Cluster, protocol: TransactionProtocol, partitions: number) {
    this.#options = options;
    this.#cluster = cluster;
    this.#protocol = protocol;
    this.#partitions = partitions;
    this.#checkpoints = checkpointTopic(options.run);
    this.description = `kafka:${cluster.id}/${options.topic}`;
  }

  /**
   * Connects.
   *
   * @throws {SinkError} when no broker answers, or there is no such topic
   */
  static async open(options: KafkaSinkOptions): Promise<KafkaSink> {
    const { brokers, topic, environment } = options;
    let cluster: Cluster | undefined;
    try {
      cluster = await Cluster.connect(connectionOf(brokers, environment));
      const partitions = await cluster.partitionsOf(topic);
      return new KafkaSink(options, cluster, await transactionProtocolOf(cluster), partitions.length);
    } catch (cause) {
      await cluster?.close();
      const address = `kafka://${brokers.join(",")}/${topic}`;
      throw new SinkError(`Cannot write ${address}: ${(cause as Error).message}`, { code: "E_SINK_UNWRITABLE", cause });
    }
  }

  async acquire(task: string, epoch: bigint): Promise<Acquired> {
    const partition = Number(task);
    await (this.#administration = this.#administration.then(() => this.#prepareCheckpoints(partition + 1)));
    const id = `${this.#options.run}.${task}`;
    const options = { protocol: this.#protocol, transactionTimeoutMs: TRANSACTION_TIMEOUT_MS };
    this.#producers.set(task, await TransactionalProducer.fence(this.#cluster, id, options));
    return { epoch, checkpoint: await readCheckpoint(this.#cluster, this.#checkpoints, partition) };
  }

  async commit({ task, seq, epoch, outputs }: Commit): Promise<Receipt> {
    const producer = this.#producers.get(task);
    if (!producer) throw new Error(`Cannot commit feed ${seq} of task ${task}: it was not acquired`);
    const batches = this.#encode(outputs, seq);
    batches.push(checkpointBatch(this.#checkpoints, Number(task), { seq, epoch }));
    try {
      await producer.commit(batches);
    } catch (cause) {
      this.#producers.delete(task);
      throw this.#explain(cause, task, seq);
    }
    return {};
  }

  async close(): Promise<void> {
    await this.#cluster.close();
  }

  #encode(outputs: PackedOutputs, seq: number): BatchEncoder[] {
    const { count, keyLengths, valueLengths, timesMs } = outputs;
    const keys = viewOf(outputs.keys);
    const values = viewOf(outputs.values);
    const open: BatchEncoder[] = [];
    const batches: BatchEncoder[] = [];
    const bytesHint = Math.ceil((keys.byteLength + values.byteLength + count * RECORD_OVERHEAD) / this.#partitions);
    let keyAt = 0;
    let valueAt = 0;
    for (let i = 0; i < count; i++) {
      const keyLength = keyLengths[i];
      const valueLength = valueLengths[i];
      const partition = keyLength < 0
        ? seq % this.#partitions
        : partitionOfKey(keys, keyAt, keyAt + keyLength, this.#partitions);
      const size = Math.max(keyLength, 0) + Math.max(valueLength, 0) + RECORD_OVERHEAD;
      let batch = open[partition];
      if (batch === undefined || batch.length + size > BATCH_BYTES_MAX) {
        batch = open[partition] = new BatchEncoder(
          this.#options.topic,
          partition,
          Math.min(bytesHint, BATCH_BYTES_MAX),
        );
        batches.push(batch);
      }
      batch.add(timesMs[i], keys, keyAt, keyLength, values, valueAt, valueLength);
      keyAt += Math.max(keyLength, 0);
      valueAt += Math.max(valueLength, 0) + 1;
    }
    for (const batch of batches) batch.compress(this.#options.compression);
    return batches;
  }

  async #prepareCheckpoints(partitions: number): Promise<void> {
    const topic = this.#checkpoints;
    const admin = this.#cluster.admin();
    await admin.connect();
    try {
      const known = (await admin.listTopics()).includes(topic) ? (await this.#cluster.partitionsOf(topic)).length : 0;
      if (known === 0) {
        const configEntries = [{ name: "cleanup.policy", value: "compact" }];
        await admin.createTopics({
          topics: [{ topic, numPartitions: partitions, configEntries }],
          waitForLeaders: true,
        });
      } else if (known < partitions) {
        await admin.createPartitions({ topicPartitions: [{ topic, count: partitions }] });
        await this.#cluster.refresh();
      }
    } finally {
      await admin.disconnect();
    }
  }

  #explain(cause: unknown, task: string, seq: number): SinkError {
    const isFenced = cause instanceof KafkaError &&
      (cause.errorCode === CODE.producerFenced || cause.errorCode === CODE.invalidProducerEpoch);
    const { topic } = this.#options;
    if (isFenced) {
      return new SinkError(
        `Cannot commit feed ${seq} of task ${task} to ${topic}: another process has taken over ${this.#options.run}.${task}`,
        { code: "E_FENCED", cause },
      );
    }
    return new SinkError(`Cannot commit feed ${seq} of task ${task} to ${topic}: ${(cause as Error).message}`, {
      code: "E_COMMIT_UNKNOWN",
      cause,
    });
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
