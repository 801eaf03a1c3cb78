/** Ranges as users type them; all are half-open: `3..5` is 3 and 4. */

import type { TaskPartition } from "../controller/journal/journal.ts";
import { nearest } from "./nearest.ts";
import { parseOffset } from "./offsets.ts";
import { UsageError } from "./usage_error.ts";

/** Feeds `[from, to)`; `Infinity` when open. */
export interface FeedRange {
  readonly from: number;
  readonly to: number;
}

/** Parses `a..b`, `a..`, `..b` or `a`. */
export function parseFeedRange(text: string): FeedRange {
  const single = /^\d+$/.exec(text);
  if (single) return { from: Number(text), to: Number(text) + 1 };
  const [, from, to] = /^(\d*)\.\.(\d*)$/.exec(text) ?? [];
  if (from === undefined) {
    throw new UsageError(`Cannot use feeds ${text}: a range is wanted, such as 3..5 for feeds 3 and 4`);
  }
  const range = { from: from === "" ? 0 : Number(from), to: to === "" ? Infinity : Number(to) };
  if (range.from < range.to) return range;
  throw new UsageError(`Cannot use feeds ${text}: it ends where it begins, or before; 3..5 is feeds 3 and 4`);
}

/** Offsets `[from, to)` of one partition. */
export interface OffsetRange {
  readonly stream: string;
  readonly partition: string;
  readonly from: bigint;
  readonly to: bigint;
}

/** One record of a partition. */
export interface RecordPlace {
  readonly stream: string;
  readonly partition: string;
  readonly offset: bigint;
}

/** Parses `stream/partition@offset`, such as `orders.ndjson/0@1234`, or with a Redis id. */
export function parseRecordPlace(text: string, partitions: readonly TaskPartition[]): RecordPlace {
  const [, place, digits] = /^(.+)@(\d+(?:[-.]\d+)?)$/.exec(text) ?? [];
  if (place === undefined) {
    throw new UsageError(`Cannot use ${text}: stream/partition@offset is wanted, such as orders.ndjson/0@1234`);
  }
  const found = partitions.find(({ stream, partition }) => `${stream}/${partition}` === place);
  if (!found) {
    const known = partitions.map(({ stream, partition }) => `${stream}/${partition}`);
    const advice = nearest(place, known);
    throw new UsageError(
      `Cannot use ${text}: ${place} is no partition of the run; its partitions are ${known.slice(0, 10).join(", ")}` +
        (advice ? `. Did you mean ${advice}?` : ""),
    );
  }
  return { stream: found.stream, partition: found.partition, offset: parseOffset(digits)! };
}

const OFFSET_MAX = 1n << 256n;

/** Parses `stream/partition:a..b`; names may contain slashes, so they are matched against `partitions`. */
export function parseOffsetRange(text: string, partitions: readonly TaskPartition[]): OffsetRange {
  const [, place, from, to] = /^(.+):(\d*(?:-\d+|\.\d+)?)\.\.(\d*(?:-\d+|\.\d+)?)$/.exec(text) ?? [];
  if (place === undefined) {
    throw new UsageError(
      `Cannot use offsets ${text}: stream/partition:a..b is wanted, such as orders.ndjson/0:0..1000`,
    );
  }
  const found = partitions.find(({ stream, partition }) => `${stream}/${partition}` === place);
  const [stream, partition] = found ? [found.stream, found.partition] : [place, ""];
  return {
    stream,
    partition,
    from: from === "" ? 0n : parseOffset(from)!,
    to: to === "" ? OFFSET_MAX : parseOffset(to)!,
  };
}
