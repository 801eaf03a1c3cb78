/**
 * How far a task has come, in the transaction that brought it there: one record per transaction in the compacted topic
 * `<run>-checkpoints`, a partition per task.
 *
 * Read it only after fencing: then no transaction of the task is open, and as the partition is the task's own, no other
 * task's open transaction holds back what `read_committed` shows (engines.md, B1 A3).
 */

import type { Checkpoint } from "../sink.ts";
import { BatchEncoder } from "./protocol/batch_encoder.ts";
import type { Cluster } from "./protocol/cluster.ts";
import { fetchFrom, offsetOf } from "./protocol/fetch.ts";
import { check } from "./protocol/kafka_error.ts";
import { decodeRecordSet } from "./protocol/record_set.ts";
import { payloadAt } from "../../formats/record_payload.ts";

const FETCH_LIMIT = { waitMs: 0, bytesMax: 1 << 20, partitionBytesMax: 1 << 20 };
/** Usually the last one is among so many offsets; the whole partition is the fallback. */
const TAIL_OFFSETS = 100n;
const encoder = new TextEncoder();

/** The topic of a run's checkpoints. */
export function checkpointTopic(run: string): string {
  return `${run.replace(/[^A-Za-z0-9._-]/g, "_")}-checkpoints`;
}

/** The batch that says so, for the transaction of feed `seq`. */
export function checkpointBatch(
  topic: string,
  partition: number,
  checkpoint: Omit<Checkpoint, "receipt">,
): BatchEncoder {
  const { seq, epoch } = checkpoint;
  const key = encoder.encode(String(partition));
  const value = encoder.encode(JSON.stringify({ seq, epoch: String(epoch) }));
  const batch = new BatchEncoder(topic, partition, key.length + value.length);
  batch.add(Date.now(), viewOf(key), 0, key.length, viewOf(value), 0, value.length);
  return batch;
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** The last committed checkpoint of a task; undefined before the first. */
export async function readCheckpoint(
  cluster: Cluster,
  topic: string,
  partition: number,
): Promise<Checkpoint | undefined> {
  const broker = await cluster.leaderOf(topic, partition);
  const first = (await offsetOf(broker, { topic, partition }, "earliest"))!;
  const end = (await offsetOf(broker, { topic, partition }, "latest"))!;
  const tail = end - TAIL_OFFSETS > first ? end - TAIL_OFFSETS : first;
  return await lastIn(cluster, topic, partition, tail, end) ??
    (tail === first ? undefined : await lastIn(cluster, topic, partition, first, tail));
}

async function lastIn(
  cluster: Cluster,
  topic: string,
  partition: number,
  from: bigint,
  to: bigint,
): Promise<Checkpoint | undefined> {
  const broker = await cluster.leaderOf(topic, partition);
  let last: Checkpoint | undefined;
  for (let position = from; position < to;) {
    const [{ errorCode, recordSet, aborted }] = await fetchFrom(broker, [{ topic, partition, position }], FETCH_LIMIT);
    check(errorCode, `read the checkpoint in ${topic}/${partition}`);
    const batch = decodeRecordSet({ stream: topic, partition: String(partition), bytes: recordSet, position, aborted });
    if (batch.next === position) throw new Error(`Cannot read the checkpoint in ${topic}/${partition}: fence first`);
    if (batch.count > 0) last = parse(payloadAt(batch, batch.count - 1).value!);
    position = batch.next;
  }
  return last;
}

function parse(value: Uint8Array): Checkpoint {
  const { seq, epoch } = JSON.parse(new TextDecoder().decode(value)) as { seq: number; epoch: string };
  return { seq, epoch: BigInt(epoch), receipt: {} };
}
