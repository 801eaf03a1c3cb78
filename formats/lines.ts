/** From bytes to a batch of lines: NDJSON, or text. The offset of a line is its position in the file. */

import { ABSENT, type Batch } from "../engine/batch.ts";

const LINE_FEED = 10;
const CARRIAGE_RETURN = 13;

/** Bytes of a stream, and where they begin in it. */
export interface Chunk {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly position: bigint;
}

/** Lines as they were found. */
export interface Lines {
  readonly count: number;
  /** Bytes that belong to whole lines. */
  readonly length: number;
  readonly ranges: Uint32Array<ArrayBuffer>;
  readonly offsetWords: Uint32Array<ArrayBuffer>;
}

/**
 * Finds the lines in `chunk`. Empty lines are passed over, a carriage return before a line feed is not part of the line.
 *
 * @param takesRest whether what follows the last line feed is a line: only at the end of a file that is not growing
 */
export function findLines({ bytes, position }: Chunk, recordsMax: number, takesRest: boolean): Lines {
  const ranges = new Uint32Array(4 * Math.min(recordsMax, bytes.length));
  const offsetWords = new Uint32Array(2 * Math.min(recordsMax, bytes.length));
  const base = Number(position);
  let count = 0;
  let at = 0;
  while (count < recordsMax && at < bytes.length) {
    const lineFeed = bytes.indexOf(LINE_FEED, at);
    if (lineFeed < 0 && !takesRest) break;
    const lineEnd = lineFeed < 0 ? bytes.length : lineFeed;
    const end = bytes[lineEnd - 1] === CARRIAGE_RETURN && lineEnd > at ? lineEnd - 1 : lineEnd;
    if (end > at) {
      ranges[4 * count] = ranges[4 * count + 1] = ABSENT;
      ranges[4 * count + 2] = at;
      ranges[4 * count + 3] = end;
      const offset = base + at;
      offsetWords[2 * count] = offset;
      offsetWords[2 * count + 1] = offset / 0x100000000;
      count++;
    }
    at = lineEnd + 1;
  }
  return {
    count,
    length: Math.min(at, bytes.length),
    ranges: ranges.slice(0, 4 * count),
    offsetWords: offsetWords.slice(0, 2 * count),
  };
}

/** A batch of the lines that were found in `chunk`. */
export function batchOfLines(
  chunk: Chunk,
  lines: Lines,
  origin: { readonly stream: string; readonly partition: string },
): Batch {
  return {
    ...origin,
    count: lines.count,
    bytes: chunk.bytes.slice(0, lines.length),
    ranges: lines.ranges,
    offsetWords: lines.offsetWords,
    offsetWidth: 2,
    next: chunk.position + BigInt(lines.length),
  };
}
