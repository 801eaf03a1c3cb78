/**
 * One transactional producer for many tasks: commits that wait while a transaction is under way share the next one, as
 * a database's group commit does (DeWitt et al., "Implementation techniques for main memory database systems", 1984).
 * Every transaction costs the brokers a marker per partition and some records of their own: the more tasks there are,
 * the more of them share it. Nobody waits for a task that has nothing to commit.
 *
 * - A task commits with the producer that it owns, the one whose fence came before its look at the checkpoint (I4). Any
 *   error ends the producer for all: every task acquires again, and looks, before its next commit (I5).
 * - An error may be the fault of one of them: those who shared the transaction commit alone the next time, so only the
 *   one whose fault it is stops, or waits.
 */

import type { BatchEncoder } from "./protocol/batch_encoder.ts";
import type { Cluster } from "./protocol/cluster.ts";
import { type FenceOptions, TransactionalProducer } from "./protocol/transaction.ts";
import type { GroupOffsets } from "./protocol/transaction_offsets.ts";
import { mayPass, SharedRefusal } from "./sink_errors.ts";

/** What one task adds to a transaction. */
export interface TransactionPart {
  readonly task: string;
  readonly batches: readonly BatchEncoder[];
  readonly offsets: GroupOffsets["offsets"];
}

/** How to make the producer. */
export interface SharedProducerOptions extends FenceOptions {
  readonly transactionalId: string;
  /** The consumer group that shows positions; undefined for none. */
  readonly group: string | undefined;
}

interface Waiting {
  readonly part: TransactionPart;
  readonly settled: PromiseWithResolvers<void>;
}

/** Limits what a transaction holds in memory twice: encoded, and as outputs. */
const TRANSACTION_BYTES_MAX = 32 * 1024 * 1024;

/** See the module. */
export class SharedProducer {
  readonly #cluster: Cluster;
  readonly #options: SharedProducerOptions;
  /** Task → the producer that it owns. */
  readonly #owners = new Map<string, TransactionalProducer>();
  /** Those who shared a transaction that failed. */
  readonly #alone = new Set<string>();
  readonly #waiting: Waiting[] = [];
  #producer: TransactionalProducer | undefined;
  #fencing: Promise<TransactionalProducer> | undefined;
  /** What ended the last producer. */
  #error: unknown;
  #isBusy = false;

  constructor(cluster: Cluster, options: SharedProducerOptions) {
    this.#cluster = cluster;
    this.#options = options;
  }

  /** Makes `task` an owner; fences when there is no producer, or the one there was has ended. */
  async own(task: string): Promise<void> {
    this.#owners.set(task, this.#producer ?? await this.#fence());
  }

  /**
   * Commits `part`, with those of others.
   *
   * @throws whatever ended the producer that the task owned: the outcome is unknown
   */
  async commit(part: TransactionPart): Promise<void> {
    if (!this.#producer || this.#owners.get(part.task) !== this.#producer) throw this.#error;
    const settled = Promise.withResolvers<void>();
    this.#waiting.push({ part, settled });
    if (!this.#isBusy) void this.#commitAll();
    await settled.promise;
  }

  async #fence(): Promise<TransactionalProducer> {
    const { transactionalId, ...options } = this.#options;
    this.#fencing ??= TransactionalProducer.fence(this.#cluster, transactionalId, options).then(
      (producer) => this.#producer = producer,
    ).finally(() => this.#fencing = undefined);
    return await this.#fencing;
  }

  async #commitAll(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) await this.#commitTogether(this.#take());
    this.#isBusy = false;
  }

  /** Who waits, in turn; who is to be alone is alone. */
  #take(): readonly Waiting[] {
    const [first] = this.#waiting;
    if (this.#alone.has(first.part.task)) return this.#waiting.splice(0, 1);
    let bytes = 0;
    const end = this.#waiting.findIndex(({ part }, i) => {
      bytes += part.batches.reduce((sum, { length }) => sum + length, 0);
      return i > 0 && (this.#alone.has(part.task) || bytes > TRANSACTION_BYTES_MAX);
    });
    return this.#waiting.splice(0, end < 0 ? this.#waiting.length : end);
  }

  async #commitTogether(together: readonly Waiting[]): Promise<void> {
    const parts = together.map(({ part }) => part);
    const { group } = this.#options;
    const offsets = parts.flatMap((part) => part.offsets);
    try {
      const positions = group === undefined || offsets.length === 0 ? undefined : { group, offsets };
      await this.#producer!.commit(parts.flatMap(({ batches }) => batches), positions);
      for (const { task } of parts) this.#alone.delete(task);
      for (const { settled } of together) settled.resolve();
    } catch (error) {
      await this.#fail(together, error);
    }
  }

  /** Nobody commits with this producer any more: who waits was not sent, and has to look all the same. */
  async #fail(together: readonly Waiting[], cause: unknown): Promise<void> {
    const isRefused = !mayPass(cause);
    const isShared = together.length > 1;
    const unsent = this.#waiting.splice(0);
    this.#producer = undefined;
    this.#error = isRefused ? new SharedRefusal(cause as Error) : cause;
    if (isShared) { for (const { part } of together) this.#alone.add(part.task); }
    // What was written would keep readers waiting until the transaction times out.
    if (isRefused) await this.#fence().catch(() => {});
    for (const { settled } of together) settled.reject(isShared ? this.#error : cause);
    for (const { settled } of unsent) settled.reject(this.#error);
  }
}
