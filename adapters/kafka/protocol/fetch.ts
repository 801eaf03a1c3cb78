/** One Fetch request for many partitions of a broker (kafka.apache.org/protocol#The_Messages_Fetch, version 11). */

import type { Broker } from "./cluster.ts";
import type { AbortedTransaction } from "./record_set.ts";
import { check } from "./kafka_error.ts";
import { type Reader, WireError, Writer } from "./wire.ts";

/** Where to read. */
export interface FetchFrom {
  readonly topic: string;
  readonly partition: number;
  readonly position: bigint;
}

/** How much, and how long to wait for it. */
export interface FetchLimit {
  readonly waitMs: number;
  readonly bytesMax: number;
  readonly partitionBytesMax: number;
}

/** What the broker answered for one partition. */
export interface Fetched extends FetchFrom {
  /** 0, or see `kafka_error.ts`. */
  readonly errorCode: number;
  /** Where the records end that `read_committed` sees: without any before it, the answer had no room for more. */
  readonly stableEnd: bigint;
  readonly aborted: readonly AbortedTransaction[];
  /** A view of the answer, valid until that is released. */
  readonly recordSet: Uint8Array;
}

/** What a broker answered. */
export interface FetchAnswer {
  readonly partitions: readonly Fetched[];
  /** Gives back its memory: many megabytes of which V8's own heap shows nothing. */
  release(): void;
}

const READ_UNCOMMITTED = 0;
const READ_COMMITTED = 1;
/** kafkajs waits no less than this, whatever it is told. */
const ANSWER_MS = 30_000;
const NO_REPLICA = -1;
const BYTES_MIN = 1;
const NO_SESSION = 0;
const NO_EPOCH = -1;
const UNKNOWN_OFFSET = -1n;
const NONE_FORGOTTEN = 0;
const NO_RACK = "";

/** Fetches from the leader of every partition in `from`. */
export async function fetchFrom(
  broker: Broker,
  from: readonly FetchFrom[],
  limit: FetchLimit,
): Promise<FetchAnswer> {
  const body = [fetchRequest(from, limit)];
  const answer = await broker.send({
    name: "Fetch",
    key: 1,
    version: 11,
    isFlexible: false,
    body,
    timeoutMs: limit.waitMs + ANSWER_MS,
  });
  return { partitions: decodeFetch(answer, from), release: () => answer.release() };
}

function fetchRequest(from: readonly FetchFrom[], { waitMs, bytesMax, partitionBytesMax }: FetchLimit): Uint8Array {
  const request = new Writer().int32(NO_REPLICA).int32(waitMs).int32(BYTES_MIN).int32(bytesMax);
  request.int8(READ_COMMITTED).int32(NO_SESSION).int32(NO_EPOCH);
  request.array([...Map.groupBy(from, ({ topic }) => topic)], ([topic, partitions]) => {
    request.string(topic).array(partitions, ({ partition, position }) => {
      request.int32(partition).int32(NO_EPOCH).int64(position).int64(UNKNOWN_OFFSET).int32(partitionBytesMax);
    });
  });
  return request.int32(NONE_FORGOTTEN).string(NO_RACK).written;
}

/**
 * Reads an answer to a request for `from`.
 *
 * @throws {WireError} when it is none
 */
export function decodeFetch(answer: Reader, from: readonly FetchFrom[]): readonly Fetched[] {
  answer.int32();
  check(answer.int16(), "fetch");
  answer.int32();
  return answer.array(() => {
    const topic = answer.string() ?? "";
    return answer.array(() => decodePartition(answer, topic, from));
  }).flat();
}

function decodePartition(answer: Reader, topic: string, from: readonly FetchFrom[]): Fetched {
  const partition = answer.int32();
  const asked = from.find((each) => each.topic === topic && each.partition === partition);
  if (!asked) throw new WireError(`it is about ${topic}/${partition}, which was not asked for`);
  const errorCode = answer.int16();
  const _highWatermark = answer.int64();
  const stableEnd = answer.int64();
  const _logStart = answer.int64();
  const aborted = answer.array(() => ({ producerId: answer.int64(), firstOffset: answer.int64() }));
  answer.int32();
  const recordSet = answer.raw(Math.max(0, answer.int32()));
  return { ...asked, errorCode, stableEnd, aborted, recordSet };
}

/** Where an offset is asked for. */
export type OffsetOf = "earliest" | "latest" | "end" | { readonly timeMs: number };

/**
 * The offset of the first record, of the end as `read_committed` sees it (`latest`), of the end with what is not committed
 * yet (`end`), or of the first record at or after a time (undefined when there is none).
 */
export async function offsetOf(
  broker: Broker,
  { topic, partition }: Omit<FetchFrom, "position">,
  where: OffsetOf,
): Promise<bigint | undefined> {
  const timeMs = typeof where === "object" ? BigInt(where.timeMs) : where === "earliest" ? -2n : -1n;
  const body = new Writer().int32(NO_REPLICA).int8(where === "end" ? READ_UNCOMMITTED : READ_COMMITTED);
  body.array([topic], () => body.string(topic).array([partition], () => body.int32(partition).int64(timeMs)));
  const answer = await broker.send({
    name: "ListOffsets",
    key: 2,
    version: 3,
    isFlexible: false,
    body: [body.written],
  });
  answer.int32();
  const [[offset]] = answer.array(() => {
    answer.string();
    return answer.array(() => {
      answer.int32();
      check(answer.int16(), `find offsets of ${topic}/${partition}`);
      answer.int64();
      return answer.int64();
    });
  });
  return offset < 0n ? undefined : offset;
}
