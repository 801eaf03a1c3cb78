/** A feed: what a task is given at once. Its ranges and times are journaled; that is all a replay needs besides the bytes. */

import type { Batch } from "./batch.ts";

/** Consecutive rows of one batch that share one logical time. */
export interface Segment {
  /** Index into {@linkcode Feed.batches}. */
  readonly batch: number;
  /** First row. */
  readonly fromRow: number;
  /** The row after the last. */
  readonly toRow: number;
  /** The controller's clock when the segment was sealed, never behind the segment before it. */
  readonly timeMs: number;
  /** Which of the processor's inputs the records arrive at. */
  readonly input: string;
}

/** The records of one step of a task, in the order in which they are processed. */
export interface Feed {
  /** Gapless from 0 within the task. */
  readonly seq: number;
  readonly batches: readonly Batch[];
  readonly segments: readonly Segment[];
  /** Set when time moves on without a record: timers that are due by then fire after the last segment. */
  readonly tickMs?: number;
  /**
   * How many units it had when it was recorded. Where it halted, timers may have fired behind its last record, before one
   * that is not part of it.
   */
  readonly unitsMin?: number;
  /** True when the task's inputs have ended: `onEnd` runs after everything else. */
  readonly end?: boolean;
}

/** Segments as columns: where the records of two inputs alternate, there is one per record. */
export interface PackedSegments {
  /** Four per segment: batch, first row, row after the last, input as its index in `inputs`. */
  readonly words: Int32Array<ArrayBuffer>;
  /** One per segment. */
  readonly timesMs: Float64Array<ArrayBuffer>;
  readonly inputs: readonly string[];
}

/** A feed on its way: its segments as columns, which are copied as a whole. */
export interface PackedFeed extends Omit<Feed, "segments"> {
  readonly segments: PackedSegments;
}

/** Packs the segments of a feed. */
export function packFeed(feed: Feed): PackedFeed {
  return { ...feed, segments: packSegments(feed.segments) };
}

/** Packs segments. */
export function packSegments(segments: readonly Segment[]): PackedSegments {
  const inputs: string[] = [];
  const words = new Int32Array(4 * segments.length);
  const timesMs = new Float64Array(segments.length);
  segments.forEach(({ batch, fromRow, toRow, timeMs, input }, i) => {
    let index = inputs.indexOf(input);
    if (index < 0) index = inputs.push(input) - 1;
    words[4 * i] = batch;
    words[4 * i + 1] = fromRow;
    words[4 * i + 2] = toRow;
    words[4 * i + 3] = index;
    timesMs[i] = timeMs;
  });
  return { words, timesMs, inputs };
}

/** The segments that {@linkcode packFeed} packed. */
export function unpackSegments({ words, timesMs, inputs }: PackedSegments): Segment[] {
  return Array.from(timesMs, (timeMs, i) => ({
    batch: words[4 * i],
    fromRow: words[4 * i + 1],
    toRow: words[4 * i + 2],
    timeMs,
    input: inputs[words[4 * i + 3]],
  }));
}

/** How many records `feed` holds. */
export function feedRecords(feed: Pick<Feed, "segments">): number {
  let records = 0;
  for (const segment of feed.segments) records += segment.toRow - segment.fromRow;
  return records;
}
