/**
 * A Kinesis stream: a partition per shard, offsets are sequence numbers and places in aggregates, event times are the times
 * of arrival.
 *
 * A shard that was split or merged ends at the position `SHARD_END`; the shards that came out of it are then read from their
 * beginning, wherever the run began (`resharding`), so that keys keep their order.
 */

import { rowsWithin } from "../../engine/batch.ts";
import { compareText } from "../../engine/state.ts";
import { type PatienceOptions, patiently } from "../patience.ts";
import {
  type ReadLimit,
  type ReadResult,
  type Resharding,
  type Source,
  SourceError,
  type SourcePartition,
} from "../source.ts";
import { until } from "../until.ts";
import { isNamed, isPassing, type KinesisAddress, listShards, openClient } from "./client.ts";
import { packPages } from "./packed_pages.ts";
import { positionText, SHARD_END, TRIM_HORIZON } from "./position.ts";
import { type ShardClients, ShardReader } from "./shard_reader.ts";
import { holdsKey, parentsOf, rootsOf, type Shard, withoutHalves } from "./shards.ts";

/** Where a run that reads a stream for the first time begins. */
export type KinesisStart = "earliest" | "latest" | { readonly timeMs: number };

/** How to read a stream. */
export interface KinesisSourceOptions extends KinesisAddress {
  readonly start: KinesisStart;
  /** Whether the stream ends where it ends now. */
  readonly isBounded: boolean;
  /** Calls of GetRecords per shard and second. @default {5}: what AWS allows all readers of a shard together */
  readonly callsPerSecond?: number;
}

const CALLS_PER_SECOND = 5;
const WAIT_MS_MAX = 1000;
const OUTAGE_MS_MAX = 60_000;

/** See the module. */
export class KinesisSource implements Source {
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime = true;
  readonly #options: KinesisSourceOptions;
  readonly #clients: ShardClients;
  readonly #readers = new Map<string, ShardReader>();
  readonly #shards = new Map<string, Shard>();
  readonly resharding: Resharding = {
    beginning: TRIM_HORIZON,
    end: SHARD_END,
    begin: () => this.#begin(),
    parents: ({ stream, partition }) => {
      const shard = this.#shards.get(partition);
      return shard ? parentsOf(shard).map((parent) => ({ stream, partition: parent })) : [];
    },
    holds: ({ partition }, key) => {
      const shard = this.#shards.get(partition);
      return shard !== undefined && holdsKey(shard, key);
    },
  };

  private constructor(options: KinesisSourceOptions, clients: ShardClients) {
    this.#options = options;
    this.#clients = clients;
    this.identity = `kinesis:${options.region}/${options.stream}`;
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when there is no such stream, or it cannot be reached
   */
  static async open(options: KinesisSourceOptions): Promise<KinesisSource> {
    const pages = openClient(options);
    packPages(pages);
    const source = new KinesisSource(options, { client: openClient(options), pages });
    try {
      await source.partitions();
      return source;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    const shards = await this.#list();
    // What retention removes from the list may still be asked for: its children follow it.
    for (const shard of shards) this.#shards.set(shard.ShardId!, shard);
    return this.#named(withoutHalves(shards));
  }

  /** Where a run begins in the middle, shards that were closed before have nothing for it. */
  async #begin(): Promise<readonly SourcePartition[]> {
    const { start } = this.#options;
    if (start === "earliest") return this.#named(rootsOf(await this.#list()));
    const isLatest = start === "latest" || start.timeMs >= Date.now();
    const open = await this.#list(isLatest ? "latest" : start);
    // A time before the oldest record may name none.
    return this.#named(open.length > 0 ? open : rootsOf(await this.#list()));
  }

  #named(shards: readonly Shard[]): readonly SourcePartition[] {
    const { stream } = this.#options;
    return shards.map(({ ShardId }) => ({ stream, partition: ShardId! })).sort((a, b) =>
      compareText(a.partition, b.partition)
    );
  }

  #list(openAt?: "latest" | { readonly timeMs: number }): Promise<readonly Shard[]> {
    return this.#patiently(() => listShards(this.#clients.client, this.#options.stream, openAt));
  }

  /** Times are positions: `latest` is pinned before anything arrives. */
  start(): Promise<bigint> {
    const { start } = this.#options;
    if (start === "earliest") return Promise.resolve(TRIM_HORIZON);
    return Promise.resolve(BigInt(start === "latest" ? Date.now() : Math.max(1, start.timeMs)));
  }

  positionText(position: bigint): string {
    return positionText(position);
  }

  /** What was read last is asked for with the first read. */
  verify(): Promise<void> {
    return Promise.resolve();
  }

  async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const reader = this.#reader(at.partition);
    const result = await this.#patiently(() => reader.read(from));
    switch (result.kind) {
      case "batch":
        return { kind: "batch", batch: reader.take(Math.min(rowsWithin(result.batch, limit), result.batch.count)) };
      case "closed":
        return { kind: "closed" };
      case "gone":
        throw this.#gone(at, from);
      case "idle":
        return result.isAtEnd && this.#options.isBounded ? { kind: "ended" } : { kind: "idle" };
      default:
        return result satisfies never;
    }
  }

  async waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    const nextMs = Math.min(...at.map(({ partition }) => this.#reader(partition).nextCallMs));
    const waitMs = Math.min(Math.max(0, nextMs - performance.now()), WAIT_MS_MAX);
    await until(new Promise((resolve) => setTimeout(resolve, waitMs)), signal);
  }

  close(): Promise<void> {
    this.#clients.client.destroy();
    this.#clients.pages.destroy();
    return Promise.resolve();
  }

  #reader(shard: string): ShardReader {
    let reader = this.#readers.get(shard);
    if (!reader) {
      const { stream, callsPerSecond = CALLS_PER_SECOND } = this.#options;
      reader = new ShardReader({ ...this.#clients, stream, shard, callEveryMs: 1000 / callsPerSecond });
      this.#readers.set(shard, reader);
    }
    return reader;
  }

  async #patiently<T>(attempt: () => Promise<T>): Promise<T> {
    const options: PatienceOptions = {
      timeMsMax: OUTAGE_MS_MAX,
      isPassing: (error) => isPassing(error) || isNamed(error, "ExpiredIteratorException"),
    };
    try {
      return await patiently(options, attempt);
    } catch (error) {
      if (error instanceof SourceError) throw error;
      throw this.#explain(error as Error);
    }
  }

  #gone({ stream, partition }: SourcePartition, from: bigint): SourceError {
    return new SourceError(
      `Cannot read ${stream}/${partition}: the record at ${
        positionText(from)
      }, which was read last, is not there any more; ` +
        "the stream's retention has passed, and records behind it may be gone as well. Run again with another --name " +
        "from the start, or raise the retention before",
      { code: "E_GAP", stream, partition, offset: from },
    );
  }

  #explain(cause: Error): SourceError {
    const { stream, region } = this.#options;
    const isMissing = isNamed(cause, "ResourceNotFoundException");
    const reason = isMissing ? `there is no such stream in ${region}` : `${cause.name}: ${cause.message}`;
    return new SourceError(`Cannot read kinesis://${region}/${stream}: ${reason}`, {
      code: isMissing ? "E_STREAM_MISSING" : "E_SOURCE_UNREADABLE",
      stream,
      cause,
    });
  }
}
