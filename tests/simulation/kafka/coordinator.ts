/**
 * The transaction coordinator: who may write under a transactional id, and what ends a transaction, under both protocols
 * (KIP-98 and KIP-360; KIP-890 for v2, where every end of a transaction brings a new epoch).
 */

/** What the coordinator needs of its cluster. */
export interface Cluster {
  after(delayMs: number, what: string, act: () => void): void;
  /** Ends a producer's transaction in a partition; false while its leader is away. */
  mark(partition: string, producerId: bigint, epoch: number, isCommit: boolean): boolean;
  commitOffsets(group: string, offsets: ReadonlyMap<string, bigint>): void;
  markerDelayMs(): number;
}

interface Transaction {
  readonly id: string;
  readonly producerId: bigint;
  epoch: number;
  state: "empty" | "ongoing" | "committing" | "aborting";
  /** How the last one ended, for those who ask again. */
  lastEnd: "committing" | "aborting" | undefined;
  readonly partitions: Set<string>;
  readonly offsets: Map<string, Map<string, bigint>>;
  timeoutMs: number;
  /** Counts transactions: a timeout is for one of them. */
  number: number;
}

/** Who asks. */
export interface Asking {
  readonly id: string;
  readonly producerId: bigint;
  readonly epoch: number;
}

/** What the coordinator answers. */
export interface Answer {
  readonly errorCode: number;
  readonly producerId: bigint;
  readonly epoch: number;
}

export const CONCURRENT_TRANSACTIONS = 51;
export const INVALID_PRODUCER_EPOCH = 47;
export const INVALID_TXN_STATE = 48;
const INVALID_PRODUCER_ID_MAPPING = 49;
const PRODUCER_FENCED = 90;
const RETRY_MS = 5;
const PRODUCER_ID_FIRST = 1000n;

/** See the module. */
export class Coordinator {
  readonly #cluster: Cluster;
  readonly #transactions = new Map<string, Transaction>();
  #nextProducerId = PRODUCER_ID_FIRST;

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  /** Whether no transaction is open, or being ended. */
  get isIdle(): boolean {
    return [...this.#transactions.values()].every(({ state }) => state === "empty");
  }

  /** A producer id of its own, for one without transactions. */
  nextProducerId(): bigint {
    return this.#nextProducerId++;
  }

  /** Shuts out older producers; ends what they left open first. */
  init(id: string, timeoutMs: number): Answer {
    let transaction = this.#transactions.get(id);
    if (!transaction) {
      const fresh = {
        id,
        producerId: this.nextProducerId(),
        epoch: -1,
        state: "empty",
        lastEnd: undefined,
        number: 0,
      } as const;
      this.#transactions.set(id, transaction = { ...fresh, timeoutMs, partitions: new Set(), offsets: new Map() });
    }
    if (transaction.state === "ongoing") {
      transaction.epoch++;
      this.#finish(transaction, "aborting");
    }
    if (transaction.state !== "empty") return refused(CONCURRENT_TRANSACTIONS);
    transaction.timeoutMs = timeoutMs;
    transaction.epoch++;
    transaction.lastEnd = undefined;
    return { errorCode: 0, producerId: transaction.producerId, epoch: transaction.epoch };
  }

  /** Makes partitions, or a group, part of the transaction. */
  add(asking: Asking, partitions: readonly string[]): number {
    const { transaction, errorCode } = this.#find(asking);
    if (!transaction) return errorCode;
    if (transaction.state === "committing" || transaction.state === "aborting") return CONCURRENT_TRANSACTIONS;
    this.#begin(transaction);
    for (const partition of partitions) transaction.partitions.add(partition);
    return 0;
  }

  /** Whether the partition is part of the transaction, as a broker asks before it appends under v1. */
  verify(asking: Asking, partition: string): number {
    const { transaction, errorCode } = this.#find(asking);
    if (!transaction) return errorCode;
    if (transaction.state === "committing" || transaction.state === "aborting") return CONCURRENT_TRANSACTIONS;
    return transaction.partitions.has(partition) ? 0 : INVALID_TXN_STATE;
  }

  /** Whether the producer's transaction is open still. */
  isOpen({ id, producerId, epoch }: Asking): boolean {
    const transaction = this.#transactions.get(id);
    return transaction?.producerId === producerId && transaction.epoch === epoch && transaction.state === "ongoing";
  }

  addOffsets(asking: Asking, group: string, offsets: ReadonlyMap<string, bigint>): number {
    const errorCode = this.add(asking, []);
    if (errorCode !== 0) return errorCode;
    const { offsets: all } = this.#transactions.get(asking.id)!;
    all.set(group, new Map([...all.get(group) ?? [], ...offsets]));
    return 0;
  }

  /** Ends the transaction; under v2 the answer has the epoch of the next one. */
  end(asking: Asking, isCommit: boolean, isV2: boolean): Answer {
    const { transaction, errorCode } = this.#find(asking, isV2);
    if (!transaction) return refused(errorCode === INVALID_PRODUCER_EPOCH && isV2 ? PRODUCER_FENCED : errorCode);
    const wanted = isCommit ? "committing" : "aborting";
    const done = { errorCode: 0, producerId: transaction.producerId };
    // Asked again, by one who did not hear the answer.
    if (isV2 && asking.epoch === transaction.epoch - 1 && transaction.lastEnd !== undefined) {
      if (transaction.state !== "empty") return refused(CONCURRENT_TRANSACTIONS);
      return transaction.lastEnd === wanted ? { ...done, epoch: transaction.epoch } : refused(INVALID_TXN_STATE);
    }
    if (asking.epoch !== transaction.epoch) return refused(PRODUCER_FENCED);
    if (transaction.state === "committing" || transaction.state === "aborting") return refused(CONCURRENT_TRANSACTIONS);
    if (transaction.state === "empty") {
      const isRepeated = !isV2 && transaction.lastEnd === wanted;
      return isRepeated ? { ...done, epoch: transaction.epoch } : refused(INVALID_TXN_STATE);
    }
    if (isV2) transaction.epoch++;
    this.#finish(transaction, wanted);
    return { ...done, epoch: transaction.epoch };
  }

  #find({ id, producerId, epoch }: Asking, isV2End = false) {
    const transaction = this.#transactions.get(id);
    if (transaction?.producerId !== producerId) return { errorCode: INVALID_PRODUCER_ID_MAPPING };
    const isRetry = isV2End && epoch === transaction.epoch - 1;
    if (epoch !== transaction.epoch && !isRetry) return { errorCode: INVALID_PRODUCER_EPOCH };
    return { transaction, errorCode: 0 };
  }

  #begin(transaction: Transaction): void {
    if (transaction.state === "ongoing") return;
    transaction.state = "ongoing";
    const number = ++transaction.number;
    this.#cluster.after(transaction.timeoutMs, `times out transaction ${transaction.id}`, () => {
      if (transaction.state !== "ongoing" || transaction.number !== number) return;
      transaction.epoch++;
      this.#finish(transaction, "aborting");
    });
  }

  /** It is decided here; the markers follow, each when it can. */
  #finish(transaction: Transaction, end: "committing" | "aborting"): void {
    transaction.state = transaction.lastEnd = end;
    const { producerId, epoch, partitions, offsets } = transaction;
    const isCommit = end === "committing";
    const left = new Set(partitions);
    const complete = (): void => {
      if (left.size > 0) return;
      if (isCommit) { for (const [group, some] of offsets) this.#cluster.commitOffsets(group, some); }
      partitions.clear();
      offsets.clear();
      transaction.state = "empty";
    };
    for (const partition of [...left]) {
      const mark = (): void => {
        if (!this.#cluster.mark(partition, producerId, epoch, isCommit)) {
          return this.#cluster.after(RETRY_MS, `tries to mark ${partition}`, mark);
        }
        left.delete(partition);
        complete();
      };
      this.#cluster.after(this.#cluster.markerDelayMs(), `marks ${partition}`, mark);
    }
    complete();
  }
}

function refused(errorCode: number): Answer {
  return { errorCode, producerId: -1n, epoch: -1 };
}
