/** Entries that were read and not asked for yet: reads of several feeds cost the server less than a read for each. */

import { ABSENT, type Batch, rowsWithin, sliceBatch } from "../../engine/batch.ts";
import type { ReadLimit, SourcePartition } from "../source.ts";
import { idOf, lastOffset, OFFSET_WIDTH, rowsOf } from "./protocol/entries.ts";
import type { StreamPosition } from "./stream_position.ts";
import type { Range } from "./stream_range.ts";

/** See the module. */
export class HeldRange {
  readonly #range: Range;
  #row = 0;

  constructor(range: Range) {
    this.#range = range;
  }

  /** How many rows are left. */
  get left(): number {
    return this.#range.entries.count - this.#row;
  }

  /** Whether there was nothing behind it. */
  get isAtEnd(): boolean {
    return this.#range.isAtEnd;
  }

  /** The last entry that was taken; before the first, nothing was. */
  get taken(): StreamPosition {
    return this.#positionAt(this.#row);
  }

  /** The last entry there is. */
  get end(): StreamPosition {
    return this.#positionAt(this.#range.entries.count);
  }

  /** The next rows before `end`, as many as `limit` allows; undefined when there are none. */
  take({ stream, partition }: SourcePartition, limit: ReadLimit, end: bigint | undefined): Batch | undefined {
    if (this.left === 0) return undefined;
    const { entries } = this.#range;
    const rest = rowsOf(entries, this.#row, entries.count);
    const next = lastOffset(entries) + 1n;
    const whole = before({ stream, partition, ...rest, offsetWidth: OFFSET_WIDTH, next }, end);
    const rows = whole.count === 0 ? 0 : rowsWithin(whole, limit);
    if (rows === 0) return undefined;
    this.#row += rows;
    return sliceBatch(whole, 0, rows);
  }

  #positionAt(row: number): StreamPosition {
    const { entries, ordinal, isExact } = this.#range;
    return { id: idOf(lastOffset(entries, row)), ordinal: ordinal + row, isExact };
  }
}

/** The rows of `batch` before `end`. */
function before(batch: Batch, end: bigint | undefined): Batch {
  if (end === undefined || batch.next <= end) return batch;
  let rows = batch.count;
  while (rows > 0 && lastOffset(batch, rows) >= end) rows--;
  return sliceBatch(batch, 0, rows);
}

/** Of all keys and values. */
export function payloadBytes({ ranges }: Pick<Batch, "ranges">): number {
  let bytes = 0;
  for (let at = 0; at < ranges.length; at += 2) bytes += ranges[at] === ABSENT ? 0 : ranges[at + 1] - ranges[at];
  return bytes;
}
