/**
 * Writes records to a topic without a run: idempotent, in order, each request acknowledged by all in-sync replicas.
 *
 * A request whose outcome is unknown is sent again with the same sequence numbers, which the broker recognises (KIP-98);
 * so nothing is doubled while the writer lives. It has no checkpoint: who starts it again writes again.
 */

import type { PackedOutputs } from "../../engine/output.ts";
import { SinkError } from "../sink.ts";
import { connectionOf, type ConnectionSettings } from "./connection_settings.ts";
import { encodeOutputs } from "./output_encoder.ts";
import { patiently } from "../patience.ts";
import { patience } from "./patience.ts";
import type { BatchEncoder, ProducerIdentity } from "./protocol/batch_encoder.ts";
import { Cluster } from "./protocol/cluster.ts";
import { check, CODE, KafkaError } from "./protocol/kafka_error.ts";
import { decodeProduce, plainProduce, roundsOf } from "./protocol/produce.ts";
import { Writer } from "./protocol/wire.ts";
import { openTopic, type SinkTopic, type SinkTopicOptions } from "./sink_topic.ts";

/** What to write to. */
export interface KafkaWriterOptions {
  /** Host and port of brokers to ask first. */
  readonly brokers: readonly string[];
  /** The topic. */
  readonly topic: SinkTopicOptions;
  /** How to connect. */
  readonly settings: ConnectionSettings;
}

const OUTAGE_MS_MAX = 60_000;
const OPEN_MS_MAX = 10_000;
const NO_TIMEOUT = 2_147_483_647;

/** See the module. */
export class KafkaWriter {
  readonly #cluster: Cluster;
  readonly #topic: SinkTopic;
  readonly #identity: ProducerIdentity;
  readonly #sequences = new Map<number, number>();
  #requests = 0;

  private constructor(cluster: Cluster, topic: SinkTopic, identity: ProducerIdentity) {
    this.#cluster = cluster;
    this.#topic = topic;
    this.#identity = identity;
  }

  /**
   * Connects, and finds or makes the topic.
   *
   * @throws {SinkError} when no broker answers, or there is no such topic
   */
  static async open({ brokers, topic, settings }: KafkaWriterOptions): Promise<KafkaWriter> {
    let cluster: Cluster | undefined;
    try {
      const found = cluster = await Cluster.connect(connectionOf(brokers, settings), topic.topic);
      return await patiently(
        patience(found, OPEN_MS_MAX),
        async () => new KafkaWriter(found, await openTopic(found, topic), await identify(found)),
      );
    } catch (cause) {
      cluster?.close();
      const { message, code } = cause as { readonly message: string; readonly code?: unknown };
      if (code === "E_USAGE" || cause instanceof SinkError) throw cause;
      const address = `kafka://${brokers.join(",")}/${topic.topic}`;
      throw new SinkError(`Cannot write ${address}: ${message}`, { code: "E_SINK_UNWRITABLE", cause });
    }
  }

  /** Writes `outputs`; all of them are acknowledged when it resolves. */
  async write(outputs: PackedOutputs): Promise<void> {
    const nowhere = {
      run: "put",
      outputNames: ["default"],
      positions: [],
      digest: new Uint8Array(0),
      task: "put",
      epoch: 0n,
    };
    const { batches } = encodeOutputs("put", { ...nowhere, outputs, seq: this.#requests++ }, [this.#topic]);
    for (const round of roundsOf(batches)) await Promise.all(round.map((batch) => this.#produce(batch)));
  }

  close(): void {
    this.#cluster.close();
  }

  async #produce(batch: BatchEncoder): Promise<void> {
    const { topic, partition } = batch;
    const sequence = this.#sequences.get(partition) ?? 0;
    const sealed = batch.seal(this.#identity, sequence, { isTransactional: false });
    const request = { transactionalId: null, batches: [batch], seal: () => sealed };
    const body = plainProduce(request);
    await patiently(patience(this.#cluster, OUTAGE_MS_MAX), async () => {
      const broker = await this.#cluster.leaderOf(topic, partition);
      const answer = await broker.send({ name: "Produce", key: 0, version: 7, isFlexible: false, body });
      const [{ errorCode, act }] = decodeProduce(answer, false);
      if (errorCode !== 0 && errorCode !== CODE.duplicateSequence) throw new KafkaError(errorCode, act);
    });
    this.#sequences.set(partition, sequence + batch.count);
  }
}

async function identify(cluster: Cluster): Promise<ProducerIdentity> {
  const body = [new Writer().string(null).int32(NO_TIMEOUT).written];
  const broker = await cluster.anyBroker();
  const answer = await broker.send({ name: "InitProducerId", key: 22, version: 1, isFlexible: false, body });
  answer.int32();
  check(answer.int16(), "get a producer id");
  return { producerId: answer.int64(), epoch: answer.int16() };
}
