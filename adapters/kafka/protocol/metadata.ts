/** What brokers say of topics: ids, partitions, leaders (kafka.apache.org/protocol#The_Messages_Metadata, version 10). */

import type { Broker } from "./cluster.ts";
import { type Reader, Writer } from "./wire.ts";

/** A partition of a topic. */
export interface PartitionMetadata {
  readonly partition: number;
  /** The node id of its leader; -1 when there is none now. */
  readonly leader: number;
  readonly replicas: readonly number[];
  /** The replicas that are in sync. */
  readonly inSync: readonly number[];
}

/** A topic. */
export interface TopicMetadata {
  readonly topic: string;
  /** Hexadecimal; another topic of the same name has another one. */
  readonly id: string;
  readonly isInternal: boolean;
  /** 0, or see `kafka_error.ts`. */
  readonly errorCode: number;
  /** In order. */
  readonly partitions: readonly PartitionMetadata[];
}

const VERSION = 10;
const UUID_BYTES = 16;
const NO_ID = new Uint8Array(UUID_BYTES);

/** Asks for `topics`, or for all there are. */
export async function metadataOf(broker: Broker, topics: readonly string[] | "all"): Promise<readonly TopicMetadata[]> {
  const request = new Writer();
  if (topics === "all") request.unsignedVarint(0);
  else request.compactArray(topics, (topic) => request.raw(NO_ID).compactString(topic).noTags());
  const [createsTopics, withClusterOperations, withTopicOperations] = [0, 0, 0];
  request.int8(createsTopics).int8(withClusterOperations).int8(withTopicOperations).noTags();
  const message = { name: "Metadata", key: 3, version: VERSION, isFlexible: true, body: [request.written] };
  return decodeMetadata(await broker.send(message));
}

function decodeMetadata(answer: Reader): readonly TopicMetadata[] {
  answer.int32();
  answer.compactArray(() => skipBroker(answer));
  answer.compactString();
  answer.int32();
  return answer.compactArray((): TopicMetadata => {
    const errorCode = answer.int16();
    const topic = answer.compactString() ?? "";
    const id = answer.raw(UUID_BYTES).toHex();
    const isInternal = answer.int8() !== 0;
    const partitions = answer.compactArray(() => decodePartition(answer));
    answer.int32();
    answer.tags();
    return { topic, id, isInternal, errorCode, partitions: partitions.sort((a, b) => a.partition - b.partition) };
  });
}

function skipBroker(answer: Reader): void {
  answer.int32();
  answer.compactString();
  answer.int32();
  answer.compactString();
  answer.tags();
}

function decodePartition(answer: Reader): PartitionMetadata {
  answer.int16();
  const partition = answer.int32();
  const leader = answer.int32();
  answer.int32();
  const replicas = answer.compactArray(() => answer.int32());
  const inSync = answer.compactArray(() => answer.int32());
  answer.compactArray(() => answer.int32());
  answer.tags();
  return { partition, leader, replicas, inSync };
}
