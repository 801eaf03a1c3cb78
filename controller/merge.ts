/**
 * The one order in which records of several partitions are processed (I7): by event time, then by stream and partition,
 * then by offset. Records without a time come first.
 *
 * It is found run by run: rows of one batch that come one after the other cost two comparisons with the batch that is
 * next in line, not a look at all of them.
 */

import type { Batch } from "../engine/batch.ts";

/** Rows of one batch that follow one another. */
export interface MergeRun {
  /** Its index. */
  readonly batch: number;
  readonly fromRow: number;
  readonly toRow: number;
}

/**
 * The rows that come next, `rowsMax` at most; undefined when there are none.
 *
 * @param batches in order of stream and partition, which decides ties
 * @param rows where each of them stands
 */
export function nextRun(
  batches: readonly (Batch | undefined)[],
  rows: readonly number[],
  rowsMax = Infinity,
): MergeRun | undefined {
  let first = -1;
  let firstMs = 0;
  // The one that has to wait for the first alone.
  let second = -1;
  let secondMs = 0;
  for (let i = 0; i < batches.length; i++) {
    const batch = batches[i];
    if (batch === undefined || rows[i] >= batch.count) continue;
    const timeMs = orderMs(batch, rows[i]);
    if (first < 0 || timeMs < firstMs) {
      [second, secondMs] = [first, firstMs];
      [first, firstMs] = [i, timeMs];
    } else if (second < 0 || timeMs < secondMs) [second, secondMs] = [i, timeMs];
  }
  if (first < 0) return undefined;
  const batch = batches[first]!;
  const fromRow = rows[first];
  const end = Math.min(batch.count, fromRow + rowsMax);
  let toRow = second < 0 ? end : fromRow + 1;
  for (; toRow < end; toRow++) {
    const timeMs = orderMs(batch, toRow);
    if (timeMs > secondMs || (timeMs === secondMs && second < first)) break;
  }
  return { batch: first, fromRow, toRow };
}

function orderMs(batch: Batch, row: number): number {
  const timeMs = batch.eventTimesMs?.[row] ?? NaN;
  return Number.isFinite(timeMs) ? timeMs : -Infinity;
}
