/**
 * One transactional producer: fence, then one transaction after the other.
 *
 * Two protocols. "v1", every broker: AddPartitionsToTxn, Produce v7, EndTxn v1; sequences run on. "v2" (KIP-890, brokers
 * whose feature `transaction.version` is 2 or more): Produce v12 adds partitions itself, EndTxn v5 answers with the next
 * epoch, so a late request of an earlier transaction is refused; sequences begin anew with every transaction.
 *
 * One transaction at a time. Any error ends this object: fence again with a new one, never go on (engines.md, findings
 * 2–4: a producer that goes on after an error can lose what it committed).
 */

import type { BatchEncoder, ProducerIdentity } from "./batch_encoder.ts";
import type { Broker, Cluster } from "./cluster.ts";
import { check, CODE } from "./kafka_error.ts";
import { type Outcome, untilDone } from "./outcome.ts";
import { decodeProduce, flexibleProduce, plainProduce, roundsOf } from "./produce.ts";
import type { TransactionProtocol } from "./transaction_protocol.ts";
import { type GroupOffsets, sendOffsets } from "./transaction_offsets.ts";
import { Writer } from "./wire.ts";

/** Nothing was done: the coordinator loads, moves, or ends an earlier transaction. */
const FENCE_AGAIN: ReadonlySet<number> = new Set([
  CODE.coordinatorLoadInProgress,
  CODE.coordinatorNotAvailable,
  CODE.notCoordinator,
  CODE.concurrentTransactions,
]);
const FENCE_TIMEOUT_MS = 60_000;
const FENCE_RETRY_MS = 20;
/** Sequence numbers wrap to 0 after 2^31 - 1. */
const SEQUENCE_MASK = 0x7fffffff;

/** How to fence. */
export interface FenceOptions {
  readonly protocol: TransactionProtocol;
  /** After so long the broker aborts a transaction that was left open. */
  readonly transactionTimeoutMs: number;
}

/** See the module. */
export class TransactionalProducer {
  readonly #cluster: Cluster;
  readonly #coordinator: Broker;
  readonly #transactionalId: string;
  readonly #protocol: TransactionProtocol;
  readonly #sequences = new Map<string, number>();
  #identity: ProducerIdentity;
  #isUsable = true;

  private constructor(
    cluster: Cluster,
    coordinator: Broker,
    transactionalId: string,
    protocol: TransactionProtocol,
    identity: ProducerIdentity,
  ) {
    this.#cluster = cluster;
    this.#coordinator = coordinator;
    this.#transactionalId = transactionalId;
    this.#protocol = protocol;
    this.#identity = identity;
  }

  /** Shuts out every older producer of this id, and ends the transaction it left open. Read checkpoints only after this. */
  static async fence(
    cluster: Cluster,
    transactionalId: string,
    { protocol, transactionTimeoutMs }: FenceOptions,
  ): Promise<TransactionalProducer> {
    const fields = new Writer().compactString(transactionalId).int32(transactionTimeoutMs);
    const body = [fields.int64(-1n).int16(-1).noTags().written];
    for (const deadlineMs = performance.now() + FENCE_TIMEOUT_MS;;) {
      const coordinator = await cluster.coordinatorOf("transaction", transactionalId);
      const answer = await coordinator.send({ name: "InitProducerId", key: 22, version: 4, isFlexible: true, body });
      answer.int32();
      const errorCode = answer.int16();
      if (!FENCE_AGAIN.has(errorCode) || performance.now() > deadlineMs) {
        check(errorCode, `take over transactional id ${transactionalId}`);
        const identity = { producerId: answer.int64(), epoch: answer.int16() };
        return new TransactionalProducer(cluster, coordinator, transactionalId, protocol, identity);
      }
      if (errorCode !== CODE.concurrentTransactions) await cluster.refresh();
      await new Promise((resolve) => setTimeout(resolve, FENCE_RETRY_MS));
    }
  }

  /**
   * Writes `batches` and the positions of a group in one transaction and commits it. After a throw the outcome is
   * unknown, and this object is done.
   */
  async commit(batches: readonly BatchEncoder[], group?: GroupOffsets): Promise<void> {
    if (!this.#isUsable) throw new Error(`Cannot use ${this.#transactionalId}: an earlier error ended it, fence again`);
    this.#isUsable = false;
    if (this.#protocol === "v1") await this.#addPartitions(batches);
    await allOf([this.#produceAll(batches), ...(group ? [this.#sendOffsets(group)] : [])]);
    await this.#end();
    for (const batch of batches) batch.release();
    this.#isUsable = true;
  }

  async #addPartitions(batches: readonly BatchEncoder[]): Promise<void> {
    const fields = this.#identified(new Writer().string(this.#transactionalId));
    fields.array([...Map.groupBy(batches, ({ topic }) => topic)], ([topic, some]) => {
      const partitions = [...new Set(some.map(({ partition }) => partition))];
      fields.string(topic).array(partitions, (partition) => fields.int32(partition));
    });
    const body = [fields.written];
    await untilDone(async () => {
      const request = { name: "AddPartitionsToTxn", key: 24, version: 1, isFlexible: false, body };
      const answer = await this.#coordinator.send(request);
      answer.int32();
      return answer.array(() => {
        const topic = answer.string();
        return answer.array((): Outcome => ({
          act: `add ${topic}/${answer.int32()} to the transaction`,
          errorCode: answer.int16(),
        }));
      }).flat();
    });
  }

  /** One after the other: were the first retried, one sent behind it would arrive out of sequence. */
  async #produceAll(batches: readonly BatchEncoder[]): Promise<void> {
    for (const round of roundsOf(batches)) await this.#produce(round);
  }

  async #sendOffsets(group: GroupOffsets): Promise<void> {
    const protocol = this.#protocol;
    const member = { cluster: this.#cluster, coordinator: this.#coordinator, protocol };
    await sendOffsets(group, { ...member, transactionalId: this.#transactionalId, identity: this.#identity });
  }

  async #produce(batches: readonly BatchEncoder[]): Promise<void> {
    const leaders = new Map<number, { readonly broker: Broker; readonly batches: BatchEncoder[] }>();
    for (const batch of batches) {
      const broker = await this.#cluster.leaderOf(batch.topic, batch.partition);
      const leader = leaders.get(broker.nodeId) ?? { broker, batches: [] };
      leader.batches.push(batch);
      leaders.set(broker.nodeId, leader);
    }
    await allOf([...leaders.values()].map(({ broker, batches }) => this.#produceTo(broker, batches)));
  }

  async #produceTo(broker: Broker, batches: readonly BatchEncoder[]): Promise<void> {
    const isFlexible = this.#protocol === "v2";
    const request = {
      transactionalId: this.#transactionalId,
      batches,
      seal: (batch: BatchEncoder) => this.#seal(batch),
    };
    const body = isFlexible ? flexibleProduce(request) : plainProduce(request);
    await untilDone(async () => {
      const answer = await broker.send({ name: "Produce", key: 0, version: isFlexible ? 12 : 7, isFlexible, body });
      return decodeProduce(answer, isFlexible);
    });
  }

  #seal(batch: BatchEncoder): Uint8Array {
    const name = `${batch.topic}/${batch.partition}`;
    const sequence = this.#sequences.get(name) ?? 0;
    this.#sequences.set(name, (sequence + batch.count) & SEQUENCE_MASK);
    return batch.seal(this.#identity, sequence);
  }

  async #end(): Promise<void> {
    const isFlexible = this.#protocol === "v2";
    const fields = isFlexible
      ? new Writer().compactString(this.#transactionalId)
      : new Writer().string(this.#transactionalId);
    const committed = 1;
    this.#identified(fields).int8(committed);
    if (isFlexible) fields.noTags();
    const body = [fields.written];
    const answer = await this.#coordinator.send({
      name: "EndTxn",
      key: 26,
      version: isFlexible ? 5 : 1,
      isFlexible,
      body,
    });
    answer.int32();
    check(answer.int16(), `commit a transaction of ${this.#transactionalId}`);
    if (!isFlexible) return;
    this.#identity = { producerId: answer.int64(), epoch: answer.int16() };
    this.#sequences.clear();
  }

  #identified(fields: Writer): Writer {
    return fields.int64(this.#identity.producerId).int16(this.#identity.epoch);
  }
}

/** Waits for all, then throws the first error: no request may outlive its transaction. */
async function allOf(work: readonly Promise<void>[]): Promise<void> {
  const failed = (await Promise.allSettled(work)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}
