/**
 * A Kinesis stream as a sink: at least once on the wire, since PutRecords has no condition and no transaction.
 *
 * - The home of the checkpoint is the journal: after a crash the last feed is written again, with identical bytes.
 * - `aggregated`: the outputs for one shard share Kinesis records, in the format of Amazon's producer library; each has its
 *   id (run, task, output, feed, number), by which `dedupe=sluice` of our source removes what comes twice.
 * - `plain`: each output is a Kinesis record of its own, without an id.
 * - Keys keep their order in both (ordered_puts.ts). Where shards were split or merged meanwhile, an aggregated record may
 *   come to a shard that does not have all of its keys; what does not belong there is written again where it does, and
 *   consumers of the format pass over it in the first place, as our source does.
 */

import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { patiently } from "../patience.ts";
import { type Acquired, type Checkpoint, type Commit, type Receipt, type Sink, SinkError } from "../sink.ts";
import { isPassing } from "../aws.ts";
import { isMissing, type KinesisAddress, listShards, openClient, streamReasonOf } from "./client.ts";
import { EntryFailed, putInOrder, type PutLimits } from "./ordered_puts.ts";
import { outputsOf, type StreamOutput } from "./outputs.ts";
import { aggregatesOf, misplaced, type PlacedAggregate } from "./output_aggregates.ts";
import { ShardMap } from "./shard_map.ts";
import type { Shard } from "./shards.ts";

/** How outputs become Kinesis records. */
export type RecordFormat = "aggregated" | "plain";

/** Where to write, and how. */
export interface KinesisSinkOptions extends KinesisAddress {
  /** How outputs become records. @default {"aggregated"} */
  readonly format?: RecordFormat;
  /** Data and key of one record: what the stream takes. @default {1048576}: its limit unless it was raised */
  readonly recordBytesMax?: number;
  /** Data and keys of one request. @default {5000000}: half of what AWS takes */
  readonly requestBytesMax?: number;
  /** How large an aggregated record becomes. @default {250000} */
  readonly aggregateBytesMax?: number;
}

/** What AWS takes in one request. */
const ENTRIES_MAX = 500;
const REQUESTS_IN_FLIGHT_MAX = 4;
const REQUEST_BYTES_MAX = 5_000_000;
/** What a stream takes in one record, unless its limit was raised. */
export const RECORD_BYTES_MAX = 1_048_576;
const AGGREGATE_BYTES_MAX = 250_000;
const OUTAGE_MS_MAX = 60_000;
/** Who starts a run waits for an answer. */
const OPEN_MS_MAX = 10_000;
/** How often shards may change while one feed is written. */
const RESHARDS_MAX = 20;

/** The limits of requests that write. */
export function putLimits(bytesMax = REQUEST_BYTES_MAX): PutLimits {
  const requestsInFlightMax = REQUESTS_IN_FLIGHT_MAX;
  return { entriesMax: ENTRIES_MAX, bytesMax, requestsInFlightMax, timeMsMax: OUTAGE_MS_MAX };
}

/** See the module. */
export class KinesisSink implements Sink {
  readonly guarantee = "at-least-once";
  readonly home = "journal";
  readonly description: string;
  readonly takesManyTasks = true;
  readonly #options: KinesisSinkOptions;
  readonly #client: KinesisClient;
  readonly #limits: PutLimits;
  #map: ShardMap;

  private constructor(options: KinesisSinkOptions, client: KinesisClient, map: ShardMap) {
    this.#options = options;
    this.#client = client;
    this.#map = map;
    this.description = `kinesis:${options.region}/${options.stream}`;
    this.#limits = putLimits(options.requestBytesMax);
  }

  /**
   * Connects.
   *
   * @throws {SinkError} when there is no such stream, or it cannot be reached
   */
  static async open(options: KinesisSinkOptions): Promise<KinesisSink> {
    const client = openClient(options);
    try {
      return new KinesisSink(options, client, new ShardMap(await shardsOf(client, options, OPEN_MS_MAX)));
    } catch (error) {
      client.destroy();
      throw cannotWrite(error as Error, options);
    }
  }

  acquire(_task: string, epoch: bigint, settled: Checkpoint | undefined): Promise<Acquired> {
    return Promise.resolve({ epoch, checkpoint: settled });
  }

  async commit(commit: Commit): Promise<Receipt> {
    const { recordBytesMax = RECORD_BYTES_MAX, format = "aggregated" } = this.#options;
    const outputs = outputsOf(commit, { recordBytesMax, hasIds: format === "aggregated" });
    try {
      if (format === "plain") await this.#putPlain(outputs);
      else await this.#putAggregated(outputs);
    } catch (error) {
      throw cannotWrite(error as Error, this.#options, commit);
    }
    return {};
  }

  close(): Promise<void> {
    this.#client.destroy();
    return Promise.resolve();
  }

  async #putPlain(outputs: readonly StreamOutput[]): Promise<void> {
    const entries = outputs.map(({ key, value }) => ({ lane: key, key, data: value }));
    await putInOrder(this.#client, this.#options.stream, entries, this.#limits);
  }

  /** What came to another shard than it belongs to is written once more, by what is known of the shards then. */
  async #putAggregated(outputs: readonly StreamOutput[]): Promise<void> {
    const { stream, aggregateBytesMax = AGGREGATE_BYTES_MAX } = this.#options;
    let left = outputs;
    for (let attempt = 0; left.length > 0; attempt++) {
      if (attempt === RESHARDS_MAX) throw new EntryFailed("ShardsUnstable", "they change faster than they are written");
      const astray: PlacedAggregate[] = [];
      const entries = aggregatesOf(left, this.#map, aggregateBytesMax);
      await putInOrder(this.#client, stream, entries, this.#limits, (entry, shard) => {
        if (entry.shard !== shard) astray.push({ ...entry, placedIn: shard });
      });
      if (astray.length === 0) return;
      const shards = await shardsOf(this.#client, this.#options, OUTAGE_MS_MAX);
      this.#map = new ShardMap(shards);
      left = misplaced(astray, shards);
    }
  }
}

function shardsOf(
  client: KinesisClient,
  { stream }: KinesisAddress,
  timeMsMax: number,
): Promise<readonly Shard[]> {
  return patiently({ timeMsMax, isPassing }, () => listShards(client, stream));
}

/** What is told when a stream cannot be written. */
export function cannotWrite(cause: Error, address: KinesisAddress, commit?: Commit): SinkError {
  if (cause instanceof SinkError) return cause;
  const { region, stream } = address;
  return new SinkError(`Cannot write kinesis://${region}/${stream}: ${streamReasonOf(cause, address)}`, {
    code: isMissing(cause) ? "E_STREAM_MISSING" : "E_SINK_UNWRITABLE",
    isRetriable: cause instanceof EntryFailed || isPassing(cause),
    ...(commit ? { task: commit.task, seq: commit.seq } : {}),
    cause,
  });
}
