/** Where reads begin: iterators of shards. */

import {
  GetShardIteratorCommand,
  type GetShardIteratorCommandInput,
  type KinesisClient,
} from "@aws-sdk/client-kinesis";
import { isNamed } from "../aws.ts";
import type { Place } from "./position.ts";

/** A shard, and how to ask for its iterators. */
export interface ShardPlace {
  readonly client: KinesisClient;
  readonly stream: string;
  readonly shard: string;
}

/** An iterator that begins at `place`; undefined when the record is not there. */
export async function openIterator(
  { client, stream, shard }: ShardPlace,
  place: Place,
): Promise<string | undefined> {
  const from = { StreamName: stream, ShardId: shard, ...iteratorType(place) };
  try {
    return (await client.send(new GetShardIteratorCommand(from))).ShardIterator;
  } catch (error) {
    const isGone = place.kind === "record" &&
      (isNamed(error, "ResourceNotFoundException") || isNamed(error, "InvalidArgumentException"));
    if (isGone) return undefined;
    throw error;
  }
}

type IteratorType = Pick<GetShardIteratorCommandInput, "ShardIteratorType" | "StartingSequenceNumber" | "Timestamp">;

function iteratorType(place: Place): IteratorType {
  switch (place.kind) {
    case "horizon":
    case "end":
      return { ShardIteratorType: "TRIM_HORIZON" };
    case "time":
      return { ShardIteratorType: "AT_TIMESTAMP", Timestamp: new Date(place.timeMs) };
    case "record":
      return { ShardIteratorType: "AT_SEQUENCE_NUMBER", StartingSequenceNumber: String(place.sequence) };
    default:
      return place satisfies never;
  }
}
