/**
 * A Kinesis service with one stream, as far as its clients can tell: shards that split and merge, sequence numbers,
 * iterators that expire (docs.aws.amazon.com/kinesis/latest/APIReference).
 */

import { createHash } from "node:crypto";
import type { Answered } from "../aws/http.ts";
import type { Host } from "../host.ts";

/** A record in a shard. */
export interface StoredRecord {
  readonly sequence: bigint;
  readonly key: string;
  readonly data: Uint8Array;
  readonly timeMs: number;
}

/** A shard; one that is closed takes no more records. */
export interface SimulatedShard {
  readonly id: string;
  readonly parents: readonly string[];
  readonly from: bigint;
  readonly to: bigint;
  readonly firstSequence: bigint;
  readonly records: StoredRecord[];
  lastSequence: bigint | undefined;
}

const HASH_KEY_MAX = 2n ** 128n - 1n;
const SEQUENCE_FIRST = 49_590_338_271_490_256_608_559_692_538_361_571_095_921_575_989_136_588_898n;
const SEQUENCE_STEP = 2n ** 68n;
const ITERATOR_MS_MAX = 300_000;
const RETENTION_HOURS = 8760;

/** See the module. */
export class SimulatedKinesis {
  readonly host: Host;
  readonly stream: string;
  readonly shards: SimulatedShard[] = [];
  /** The share of entries that are refused. */
  refusedShare = 0;
  readonly #createdMs: number;
  #sequences = 0n;

  constructor(host: Host, stream: string, shards: number) {
    this.host = host;
    this.stream = stream;
    this.#createdMs = host.nowMs();
    const width = HASH_KEY_MAX / BigInt(shards);
    for (let index = 0n; index < shards; index++) {
      const isLast = index === BigInt(shards) - 1n;
      this.#open([], index * width, isLast ? HASH_KEY_MAX : (index + 1n) * width - 1n);
    }
  }

  #open(parents: readonly string[], from: bigint, to: bigint): void {
    const id = `shardId-${String(this.shards.length).padStart(12, "0")}`;
    this.shards.push({
      id,
      parents,
      from,
      to,
      firstSequence: this.#nextSequence(),
      records: [],
      lastSequence: undefined,
    });
  }

  #nextSequence(): bigint {
    return SEQUENCE_FIRST + SEQUENCE_STEP * this.#sequences++;
  }

  /** The shards that take records. */
  get open(): readonly SimulatedShard[] {
    return this.shards.filter(({ lastSequence }) => lastSequence === undefined).sort((a, b) =>
      a.from < b.from ? -1 : 1
    );
  }

  /** Writes a record; answers where it went. */
  put(
    key: string,
    data: Uint8Array,
    timeMs: number,
    hashKey = hashOf(key),
  ): readonly [shard: string, sequence: bigint] {
    const shard = this.open.find(({ from, to }) => from <= hashKey && hashKey <= to)!;
    const sequence = this.#nextSequence();
    shard.records.push({ sequence, key, data, timeMs });
    return [shard.id, sequence];
  }

  /** Splits the open shard number `index` in two. */
  split(index: number): void {
    const shard = this.open[index];
    const middle = shard.from + 1n + (shard.to - shard.from - 1n) / 2n;
    shard.lastSequence = this.#nextSequence();
    this.#open([shard.id], shard.from, middle - 1n);
    this.#open([shard.id], middle, shard.to);
  }

  /** Merges the open shard number `index` with the next one. */
  merge(index: number): void {
    const [first, second] = this.open.slice(index, index + 2);
    first.lastSequence = second.lastSequence = this.#nextSequence();
    this.#open([first.id, second.id], first.from, second.to);
  }

  /** Does an action, such as `PutRecords`. */
  do(action: string, request: Readonly<Record<string, unknown>>): Answered {
    switch (action) {
      case "DescribeStreamSummary":
        return { body: { StreamDescriptionSummary: this.#summary() } };
      case "ListShards":
        return { body: { Shards: this.#listShards(request) } };
      case "GetShardIterator":
        return this.#iterator(request as unknown as IteratorRequest);
      case "GetRecords":
        return this.#records(request as { readonly ShardIterator: string; readonly Limit?: number });
      case "PutRecords":
        return { body: this.#putAll(request as unknown as PutRequest) };
      default:
        return { error: "UnknownOperationException", message: `there is no simulated ${action}` };
    }
  }

  #summary(): Readonly<Record<string, unknown>> {
    return {
      StreamName: this.stream,
      StreamStatus: "ACTIVE",
      RetentionPeriodHours: RETENTION_HOURS,
      StreamCreationTimestamp: this.#createdMs / 1000,
      OpenShardCount: this.open.length,
    };
  }

  #listShards({ ShardFilter }: { readonly ShardFilter?: { readonly Type: string } }): readonly unknown[] {
    const shards = ShardFilter?.Type === "AT_LATEST" ? this.open : this.shards;
    return shards.map(({ id, parents, from, to, firstSequence, lastSequence }) => ({
      ShardId: id,
      ...(parents[0] === undefined ? {} : { ParentShardId: parents[0] }),
      ...(parents[1] === undefined ? {} : { AdjacentParentShardId: parents[1] }),
      HashKeyRange: { StartingHashKey: String(from), EndingHashKey: String(to) },
      SequenceNumberRange: {
        StartingSequenceNumber: String(firstSequence),
        ...(lastSequence === undefined ? {} : { EndingSequenceNumber: String(lastSequence) }),
      },
    }));
  }

  #iterator({ ShardId, ShardIteratorType, StartingSequenceNumber, Timestamp }: IteratorRequest): Answered {
    const shard = this.shards.find(({ id }) => id === ShardId);
    if (!shard) return { error: "ResourceNotFoundException", message: `Shard ${ShardId} does not exist` };
    const { records } = shard;
    const at = (isThere: (record: StoredRecord) => boolean): number => {
      const index = records.findIndex(isThere);
      return index < 0 ? records.length : index;
    };
    switch (ShardIteratorType) {
      case "TRIM_HORIZON":
        return { body: { ShardIterator: this.#iteratorAt(shard, 0) } };
      case "LATEST":
        return { body: { ShardIterator: this.#iteratorAt(shard, records.length) } };
      case "AT_TIMESTAMP":
        return { body: { ShardIterator: this.#iteratorAt(shard, at(({ timeMs }) => timeMs >= Timestamp! * 1000)) } };
      case "AT_SEQUENCE_NUMBER":
      case "AFTER_SEQUENCE_NUMBER": {
        const wanted = BigInt(StartingSequenceNumber!);
        const index = records.findIndex(({ sequence }) => sequence === wanted);
        if (index < 0) {
          return { error: "InvalidArgumentException", message: `there is no record ${wanted} in ${ShardId}` };
        }
        const isAfter = ShardIteratorType === "AFTER_SEQUENCE_NUMBER";
        return { body: { ShardIterator: this.#iteratorAt(shard, isAfter ? index + 1 : index) } };
      }
      default:
        return ShardIteratorType satisfies never;
    }
  }

  #iteratorAt({ id }: SimulatedShard, index: number): string {
    return `${this.stream} ${id} ${index} ${this.host.nowMs() + ITERATOR_MS_MAX}`;
  }

  #records({ ShardIterator, Limit = 10_000 }: { readonly ShardIterator: string; readonly Limit?: number }): Answered {
    const [, id, index, expiresMs] = ShardIterator.split(" ");
    if (this.host.nowMs() > Number(expiresMs)) {
      return { error: "ExpiredIteratorException", message: "Iterator expired" };
    }
    const shard = this.shards.find((each) => each.id === id)!;
    // A page may be shorter than it could be, or empty although there is more.
    const count = Math.min(Limit, Math.floor(this.host.number() ** 2 * 40));
    const end = Math.min(shard.records.length, Number(index) + count);
    const isOver = shard.lastSequence !== undefined && end === shard.records.length;
    const next = shard.records[end];
    return {
      body: {
        Records: shard.records.slice(Number(index), end).map(({ sequence, key, data, timeMs }) => ({
          Data: data.toBase64(),
          PartitionKey: key,
          SequenceNumber: String(sequence),
          ApproximateArrivalTimestamp: timeMs / 1000,
        })),
        ...(isOver ? {} : { NextShardIterator: this.#iteratorAt(shard, end) }),
        MillisBehindLatest: next ? Math.max(1, this.host.nowMs() - next.timeMs) : 0,
      },
    };
  }

  /** Any entry may be refused, whatever becomes of the others. */
  #putAll({ Records }: PutRequest): Readonly<Record<string, unknown>> {
    const answers = Records.map(({ Data, PartitionKey, ExplicitHashKey }) => {
      if (this.host.number() < this.refusedShare) {
        return { ErrorCode: "ProvisionedThroughputExceededException", ErrorMessage: "Rate exceeded for shard" };
      }
      const hashKey = ExplicitHashKey === undefined ? hashOf(PartitionKey) : BigInt(ExplicitHashKey);
      const [shard, sequence] = this.put(PartitionKey, Uint8Array.fromBase64(Data), this.host.nowMs(), hashKey);
      return { ShardId: shard, SequenceNumber: String(sequence) };
    });
    return { FailedRecordCount: answers.filter((answer) => "ErrorCode" in answer).length, Records: answers };
  }
}

interface IteratorRequest {
  readonly ShardId: string;
  readonly ShardIteratorType:
    | "TRIM_HORIZON"
    | "LATEST"
    | "AT_TIMESTAMP"
    | "AT_SEQUENCE_NUMBER"
    | "AFTER_SEQUENCE_NUMBER";
  readonly StartingSequenceNumber?: string;
  /** Seconds since the epoch. */
  readonly Timestamp?: number;
}

interface PutRequest {
  readonly Records: readonly {
    readonly Data: string;
    readonly PartitionKey: string;
    readonly ExplicitHashKey?: string;
  }[];
}

function hashOf(key: string): bigint {
  return BigInt(`0x${createHash("md5").update(key).digest("hex")}`);
}
