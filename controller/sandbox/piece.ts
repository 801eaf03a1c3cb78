/** A piece of a batch: rows whose payload becomes one text. */

import { ABSENT, type Batch } from "../../engine/batch.ts";

/** See the module. */
export interface Piece extends Pick<Batch, "bytes" | "ranges"> {
  readonly fromRow: number;
  readonly toRow: number;
  /** Where the payload of the rows lies; what belongs to none of them may lie in between. */
  readonly start: number;
  readonly end: number;
}

/** The rows `[fromRow, toRow)`. */
export function pieceOf({ bytes, ranges }: Batch, fromRow: number, toRow: number): Piece {
  let start = Infinity;
  let end = 0;
  for (let field = 4 * fromRow; field < 4 * toRow; field += 2) {
    if (ranges[field] === ABSENT) continue;
    if (ranges[field] < start) start = ranges[field];
    if (ranges[field + 1] > end) end = ranges[field + 1];
  }
  return { bytes, ranges, fromRow, toRow, ...(start < end ? { start, end } : { start: 0, end: 0 }) };
}
