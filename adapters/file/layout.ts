/** How records lie in a file: a line each, or rows of CSV below a header. */

import type { Batch } from "../../engine/batch.ts";
import { type Chunk, findLines, type Lines } from "../../formats/lines.ts";
import type { FileTail } from "./tail.ts";

const UTF8_BOM = [0xef, 0xbb, 0xbf];

/** How to read the records of one file. */
export interface Layout {
  /** The position of the first record. */
  readonly start: number;
  find(chunk: Chunk, recordsMax: number, takesRest: boolean): Lines;
  /** What processors are given, from what lies in the file. */
  decode(batch: Batch): Batch;
}

/**
 * The layout of the file at `path`; undefined while a file that still grows has no whole header.
 *
 * @param isBounded whether the file's end is the end of its last record
 */
export async function layoutOf(path: string, tail: FileTail, isBounded: boolean): Promise<Layout | undefined> {
  const begin = tail.read(0, UTF8_BOM.length);
  const start = UTF8_BOM.every((byte, i) => begin[i] === byte) ? UTF8_BOM.length : 0;
  if (!/\.csv(?:\.gz)?$/i.test(path)) return { start, find: findLines, decode: (batch) => batch };
  // Loaded only now: most files are no CSV.
  const { columnsOf, findRows, rowsAsJson } = await import("../../formats/csv.ts");
  for (let size = 4096;; size *= 2) {
    const bytes = tail.read(start, size);
    const isAll = bytes.length < size;
    const { count, length, ranges } = findRows({ bytes, position: BigInt(start) }, 1, isAll && isBounded);
    if (count === 1) {
      const columns = columnsOf(bytes.subarray(ranges[2], ranges[3]));
      return { start: start + length, find: findRows, decode: (batch) => rowsAsJson(batch, columns) };
    }
    if (isAll) return isBounded ? { start: start + bytes.length, find: findRows, decode: (batch) => batch } : undefined;
  }
}
