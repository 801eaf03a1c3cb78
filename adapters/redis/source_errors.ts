/** What a server's replies mean for a reader. */

import { SourceError, type SourcePartition } from "../source.ts";
import { idOf } from "./protocol/entries.ts";
import { isPassing } from "./protocol/passing.ts";
import { RedisError } from "./protocol/resp.ts";

/** What is wrong, and what to do where that is known; ends a sentence. */
function reasonOf(cause: unknown): string {
  const { message } = cause as Error;
  const isForbidden = cause instanceof RedisError && cause.code === "NOPERM";
  return isForbidden ? `${message}; docs/REDIS.md names what its user may need to do` : message;
}

/** The error of a stream that could not be read (on). */
export function explain(
  { stream, partition }: SourcePartition,
  position: bigint | undefined,
  cause: unknown,
): SourceError {
  if (cause instanceof SourceError) return cause;
  const where = position === undefined ? "" : ` at ${idOf(position)}`;
  return new SourceError(`Cannot read Redis stream ${stream}${where}: ${reasonOf(cause)}`, {
    code: isPassing(cause) ? "E_SOURCE_UNREACHABLE" : "E_SOURCE_UNREADABLE",
    stream,
    partition,
    ...(position === undefined ? {} : { offset: position }),
    cause,
  });
}

/** The error of a stream that is not the one that was read. */
export function otherStream({ stream, partition }: SourcePartition, position: bigint, reason: string): SourceError {
  return new SourceError(
    `Cannot go on reading Redis stream ${stream} at ${idOf(position)}: ${reason}. Start a run with another --name`,
    { code: "E_SOURCE_CHANGED", stream, partition, offset: position },
  );
}
