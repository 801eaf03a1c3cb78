/**
 * PutRecords in order: the next entry of a lane is sent when the one before it is acknowledged.
 *
 * PutRecords writes the entries of a request in no order that it promises, and some may fail; so only one entry of each lane
 * is under way at a time, and what failed is what its lane sends next. Other lanes go on meanwhile. A request whose answer
 * is lost is sent again: its entries may then be there twice.
 */

import { type KinesisClient, PutRecordsCommand, type PutRecordsResultEntry } from "@aws-sdk/client-kinesis";
import { isPassing } from "../aws.ts";

const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 5_000;

/** One entry of a request was refused for too long: its shard has as much as it takes, or something is wrong inside. */
export class EntryFailed extends Error {
  override readonly name = "EntryFailed";

  constructor(code: string, message = "") {
    super(`${code}: ${message}`);
  }
}

/** One record to write. */
export interface PutEntry {
  /** Entries of one lane are written in order. */
  readonly lane: string;
  readonly data: Uint8Array;
  readonly key: string;
  /** Decides the shard in place of the key. */
  readonly hashKey?: string;
}

/** What one request may hold. */
export interface PutLimits {
  readonly entriesMax: number;
  /** Data and keys together. */
  readonly bytesMax: number;
  /** Requests of different lanes that may be under way together. */
  readonly requestsInFlightMax: number;
  /** How long what passes is tried again, since something worked last. */
  readonly timeMsMax: number;
}

/** Where an entry was written. */
export type Placed<Entry extends PutEntry> = (entry: Entry, shard: string) => void;

/** Writes `entries`; tells where each went. @throws the SDK's exceptions, and what an entry failed with for too long */
export async function putInOrder<Entry extends PutEntry>(
  client: KinesisClient,
  stream: string,
  entries: readonly Entry[],
  limits: PutLimits,
  onPlaced: Placed<Entry> = () => {},
): Promise<void> {
  const queue = new LaneQueue(entries, limits);
  const putRounds = async () => {
    try {
      while (!queue.isDone) {
        const round = queue.next();
        if (round.length === 0) await queue.untilReady();
        else await putRound(client, stream, round.map((index) => entries[index]), round, queue, onPlaced);
      }
    } catch (error) {
      queue.abandon();
      throw error;
    }
  };
  // All are awaited: what is still on its way when one fails must not arrive behind what is tried again.
  const results = await Promise.allSettled(Array.from({ length: limits.requestsInFlightMax }, putRounds));
  for (const result of results) if (result.status === "rejected") throw result.reason;
}

/** An entry that failed, and when it is tried again. */
interface Failed {
  readonly index: number;
  readonly readyMs: number;
}

/** How long an entry has failed, and how long it waits. */
interface Trouble {
  readonly pauseMs: number;
  readonly deadlineMs: number;
}

/** Which entries may be sent: the first of every lane that is not. */
class LaneQueue {
  readonly #entries: readonly PutEntry[];
  readonly #limits: PutLimits;
  /** Per entry, the one behind it in its lane, or -1. */
  readonly #following: Int32Array;
  #ready: number[] = [];
  #taken = 0;
  #failed: Failed[] = [];
  readonly #troubles = new Map<number, Trouble>();
  #left: number;
  #change = Promise.withResolvers<void>();

  constructor(entries: readonly PutEntry[], limits: PutLimits) {
    this.#entries = entries;
    this.#limits = limits;
    this.#left = entries.length;
    this.#following = new Int32Array(entries.length).fill(-1);
    const last = new Map<string, number>();
    entries.forEach(({ lane }, index) => {
      const before = last.get(lane);
      if (before === undefined) this.#ready.push(index);
      else this.#following[before] = index;
      last.set(lane, index);
    });
  }

  /** Whether nothing is left to send. */
  get isDone(): boolean {
    return this.#left === 0;
  }

  /** Sends nothing more. */
  abandon(): void {
    this.#left = 0;
    this.#notify();
  }

  #notify(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  /** Takes as many entries as fit into a request. */
  next(): readonly number[] {
    this.#readmit(performance.now());
    const round: number[] = [];
    for (let size = 0; this.#taken < this.#ready.length && round.length < this.#limits.entriesMax; this.#taken++) {
      const index = this.#ready[this.#taken];
      size += sizeOf(this.#entries[index]);
      if (round.length > 0 && size > this.#limits.bytesMax) break;
      round.push(index);
    }
    if (this.#taken === this.#ready.length) [this.#ready, this.#taken] = [[], 0];
    return round;
  }

  #readmit(nowMs: number): void {
    if (this.#failed.length === 0) return;
    this.#ready.push(...this.#failed.filter(({ readyMs }) => readyMs <= nowMs).map(({ index }) => index));
    this.#failed = this.#failed.filter(({ readyMs }) => readyMs > nowMs);
  }

  succeed(index: number): void {
    this.#left--;
    this.#troubles.delete(index);
    if (this.#following[index] >= 0) this.#ready.push(this.#following[index]);
    this.#notify();
  }

  /** Tries it again later, and its lane waits; throws `error` when that went on for too long. */
  fail(index: number, error: Error): void {
    const nowMs = performance.now();
    const { pauseMs, deadlineMs } = this.#troubles.get(index) ??
      { pauseMs: PAUSE_MS_FIRST, deadlineMs: nowMs + this.#limits.timeMsMax };
    if (nowMs > deadlineMs) throw error;
    this.#failed.push({ index, readyMs: nowMs + pauseMs });
    this.#troubles.set(index, { pauseMs: Math.min(2 * pauseMs, PAUSE_MS_MAX), deadlineMs });
    this.#notify();
  }

  /** Resolves when an entry that failed may be tried again, or another request was answered. */
  async untilReady(): Promise<void> {
    const readyMs = Math.min(Infinity, ...this.#failed.map((each) => each.readyMs));
    const { promise, resolve } = Promise.withResolvers<void>();
    const timer = readyMs === Infinity ? undefined : setTimeout(resolve, Math.max(0, readyMs - performance.now()));
    await Promise.race([promise, this.#change.promise]);
    clearTimeout(timer);
  }
}

/** A key has four bytes per code point at most, which is three per code unit. */
function sizeOf({ data, key }: PutEntry): number {
  return data.length + 3 * key.length;
}

async function putRound<Entry extends PutEntry>(
  client: KinesisClient,
  stream: string,
  entries: readonly Entry[],
  indexes: readonly number[],
  queue: LaneQueue,
  onPlaced: Placed<Entry>,
): Promise<void> {
  const Records = entries.map(({ data, key, hashKey }) => ({
    Data: data,
    PartitionKey: key,
    ...(hashKey === undefined ? {} : { ExplicitHashKey: hashKey }),
  }));
  let answers: readonly PutRecordsResultEntry[];
  try {
    answers = (await client.send(new PutRecordsCommand({ StreamName: stream, Records }))).Records ?? [];
  } catch (error) {
    if (!isPassing(error)) throw error;
    // Whether it was written or not: what is there twice is told apart by its id.
    for (const index of indexes) queue.fail(index, error as Error);
    return;
  }
  indexes.forEach((index, i) => {
    const { ErrorCode, ErrorMessage, ShardId } = answers[i] ?? { ErrorCode: "NotAnswered" };
    if (ErrorCode !== undefined) return queue.fail(index, new EntryFailed(ErrorCode, ErrorMessage));
    onPlaced(entries[i], ShardId!);
    queue.succeed(index);
  });
}
