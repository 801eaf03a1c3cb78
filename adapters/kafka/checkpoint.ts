/**
 * How far a task has come, in the transaction that brought it there: one record per transaction in the compacted topic
 * `<run>-checkpoints`, a partition per task. The record also says who wrote it: whoever is fenced learns by whom.
 *
 * Read it only after fencing: then no transaction of the task is open, and as the partition is the task's own, no other
 * task's open transaction holds back what `read_committed` shows (I4).
 */

import { payloadAt } from "../../formats/record_payload.ts";
import type { Commit } from "../sink.ts";
import { BatchEncoder } from "./protocol/batch_encoder.ts";
import type { Cluster } from "./protocol/cluster.ts";
import { fetchFrom, offsetOf } from "./protocol/fetch.ts";
import { check, CODE, KafkaError } from "./protocol/kafka_error.ts";
import { decodeRecordSet } from "./protocol/record_set.ts";
import { viewOf } from "./protocol/view.ts";

/** What a checkpoint record says. */
export interface CheckpointRecord {
  /** The last feed whose outputs are there; -1 before the first. */
  readonly seq: number;
  /** The journal's number of the owner. */
  readonly epoch: bigint;
  /** Who wrote it: machine and process. */
  readonly owner: string;
  /** `stream/partition` → the next offset to read. */
  readonly positions: Readonly<Record<string, string>>;
  /** The digest chain after the feed, hexadecimal. */
  readonly digest: string;
}

/** A partition of a checkpoint topic. */
export interface CheckpointPlace {
  readonly topic: string;
  readonly partition: number;
}

const FETCH_LIMIT = { waitMs: 0, bytesMax: 1 << 20, partitionBytesMax: 1 << 20 };
/** Usually the last one is among so many offsets; the whole partition is the fallback. */
const TAIL_OFFSETS = 100n;
const encoder = new TextEncoder();

/** The topic of a run's checkpoints. */
export function checkpointTopic(run: string): string {
  return `${topicSafe(run)}-checkpoints`;
}

/** `name` with what a topic's name cannot have replaced. */
export function topicSafe(name: string): string {
  return name.replace(/[^A-Za-z0-9._-]/g, "_");
}

/** What there is to say about `commit`. */
export function recordOf({ seq, epoch, positions, digest }: Omit<Commit, "outputs">, owner: string): CheckpointRecord {
  const stands = positions.map(({ stream, partition, position }) => [`${stream}/${partition}`, String(position)]);
  return { seq, epoch, owner, positions: Object.fromEntries(stands), digest: digest.toHex() };
}

/** The batch that says so, as a part of a transaction. */
export function checkpointBatch({ topic, partition }: CheckpointPlace, record: CheckpointRecord): BatchEncoder {
  const key = encoder.encode(String(partition));
  const value = encoder.encode(JSON.stringify({ ...record, epoch: String(record.epoch) }));
  const batch = new BatchEncoder(topic, partition, key.length + value.length);
  batch.add(Date.now(), viewOf(key), 0, key.length, viewOf(value), 0, value.length);
  return batch;
}

/**
 * The last committed checkpoint of a task; undefined before the first. For the owner, who has seen to it that no transaction
 * is open: a commit that was acknowledged may not be marked yet, which is waited for.
 *
 * @throws {KafkaError} while something is not marked; it passes
 */
export async function readCheckpoint(cluster: Cluster, place: CheckpointPlace): Promise<CheckpointRecord | undefined> {
  return await lastBefore(cluster, place, "end");
}

/**
 * The checkpoint that `read_committed` shows now, which may be the one before the last. For whoever may not own the task: a
 * transaction may stay open as long as it likes, his own that broke off as well.
 */
export async function peekCheckpoint(cluster: Cluster, place: CheckpointPlace): Promise<CheckpointRecord | undefined> {
  return await lastBefore(cluster, place, "latest");
}

async function lastBefore(
  cluster: Cluster,
  place: CheckpointPlace,
  where: "end" | "latest",
): Promise<CheckpointRecord | undefined> {
  const broker = await cluster.leaderOf(place.topic, place.partition);
  const first = (await offsetOf(broker, place, "earliest"))!;
  const end = (await offsetOf(broker, place, where))!;
  const tail = end - TAIL_OFFSETS > first ? end - TAIL_OFFSETS : first;
  return await lastIn(cluster, place, tail, end) ??
    (tail === first ? undefined : await lastIn(cluster, place, first, tail));
}

async function lastIn(
  cluster: Cluster,
  place: CheckpointPlace,
  from: bigint,
  to: bigint,
): Promise<CheckpointRecord | undefined> {
  const { topic, partition } = place;
  const broker = await cluster.leaderOf(topic, partition);
  let last: CheckpointRecord | undefined;
  for (let position = from; position < to;) {
    const { partitions } = await fetchFrom(broker, [{ topic, partition, position }], FETCH_LIMIT);
    const [{ errorCode, recordSet, aborted }] = partitions;
    check(errorCode, `read the checkpoint in ${topic}/${partition}`);
    const batch = decodeRecordSet({ stream: topic, partition: String(partition), bytes: recordSet, position, aborted });
    // The leader does not show what it said was there: it is another one by now, not yet up to date, or has yet to mark it.
    if (batch.next === position) throw new KafkaError(CODE.notLeaderOrFollower, `read all of ${topic}/${partition}`);
    if (batch.count > 0) last = parse(payloadAt(batch, batch.count - 1).value!);
    position = batch.next;
  }
  return last;
}

function parse(value: Uint8Array): CheckpointRecord {
  const record = JSON.parse(new TextDecoder().decode(value)) as CheckpointRecord & { readonly epoch: string };
  return { ...record, epoch: BigInt(record.epoch) };
}
