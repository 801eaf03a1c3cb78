/** What brokers' answers mean for a reader. */

import { SourceError, type SourcePartition } from "../source.ts";
import { CODE, isPassing, KafkaError } from "./protocol/kafka_error.ts";

/** What is wrong, and what to do where that is known; ends a sentence. */
export function reasonOf(cause: unknown): string {
  const { message } = cause as Error;
  const isForbidden = cause instanceof KafkaError && cause.errorCode === CODE.topicAuthorizationFailed;
  return isForbidden ? `${message}; its user needs READ on the topic, see docs/KAFKA.md` : message;
}

/** The error of a log that does not have what was read from it. */
export function otherLog(at: SourcePartition, position: bigint, first: bigint, end: bigint): SourceError {
  const { stream, partition } = at;
  return new SourceError(
    `Cannot go on reading ${stream}/${partition}: it has offsets ${first} to ${end}, ${position} is wanted; the topic was ` +
      "made anew, or its leader lost what it had not replicated. Start a run with another --name",
    { code: "E_SOURCE_CHANGED", stream, partition, offset: position },
  );
}

/** The error of a start that was given and lies behind the end. */
export function startBehindEnd(at: SourcePartition, start: bigint, first: bigint, end: bigint): SourceError {
  const { stream, partition } = at;
  return new SourceError(
    `Cannot begin ${stream}/${partition} at offset ${start}: it has offsets ${first} to ${end}; ?start= counts for each ` +
      "partition, so give an offset that all of them have, a time, or -N for the last N",
    { code: "E_START", stream, partition, offset: start },
  );
}

/** The error of a partition that could not be read on. */
export function explain({ stream, partition }: SourcePartition, position: bigint, cause: unknown): SourceError {
  const place = { stream, partition, offset: position };
  return new SourceError(`Cannot read ${stream}/${partition} at offset ${position}: ${reasonOf(cause)}`, {
    code: isPassing(cause) ? "E_SOURCE_UNREACHABLE" : "E_SOURCE_UNREADABLE",
    ...place,
    cause,
  });
}
