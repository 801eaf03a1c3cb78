/** A record as its processor sees it, and where it was read. */

import type { RecordHeaders } from "./headers.ts";

/** Where a record was read. */
export interface Origin {
  /** The name of the stream. */
  readonly stream: string;
  /** The partition within the stream. */
  readonly partition: string;
  /** The place in the partition. */
  readonly offset: bigint;
}

/** Whether both are the same place. */
export function isSameOrigin(a: Origin, b: Origin): boolean {
  return a.stream === b.stream && a.partition === b.partition && a.offset === b.offset;
}

/** A record as a processor sees it. */
export interface StreamRecord<T = unknown> extends Origin {
  /** The input it arrived at: `"default"` unless the processor names its inputs. */
  readonly input: string;
  /** The routing value, or null. */
  readonly key: string | null;
  /** The decoded payload; null for a tombstone. */
  readonly value: T;
  /** Milliseconds since the epoch, when the record carries a time of its own. */
  readonly eventTimeMs: number | undefined;
  /** What travels beside key and value; empty where the source has no headers. */
  readonly headers: RecordHeaders;
}
