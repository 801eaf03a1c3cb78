/** From bytes to a batch of lines: NDJSON, or text. The offset of a line is its position in the file. */

import { ABSENT, type Batch } from "../engine/batch.ts";

/** What ends a line. */
export const LINE_FEED = 10;
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
 * @param lineEnd the position of the line feed that ends the line at `from`, or -1
 */
export function findLines(
  chunk: Chunk,
  recordsMax: number,
  takesRest: boolean,
  lineEnd: LineEnd = nextLineFeed,
): Lines {
  const { length } = chunk.bytes;
  const found = {
    count: 0,
    length: 0,
    ranges: new Uint32Array(4 * Math.min(recordsMax, length)),
    offsetWords: new Uint32Array(2 * Math.min(recordsMax, length)),
  };
  scan(chunk, { recordsMax, takesRest, lineEnd }, found);
  return {
    count: found.count,
    length: Math.min(found.length, length),
    ranges: shrunk(found.ranges, 4 * found.count),
    offsetWords: shrunk(found.offsetWords, 2 * found.count),
  };
}

/** The first `length` words; the memory of all of them is given back at once, not when garbage is looked for. */
function shrunk({ buffer }: Uint32Array<ArrayBuffer>, length: number): Uint32Array<ArrayBuffer> {
  return new Uint32Array(buffer.transfer(4 * length));
}

type LineEnd = (bytes: Uint8Array, from: number) => number;

function nextLineFeed(bytes: Uint8Array, from: number): number {
  return bytes.indexOf(LINE_FEED, from);
}

interface Scan {
  readonly recordsMax: number;
  readonly takesRest: boolean;
  readonly lineEnd: LineEnd;
}

type Found = { -readonly [Name in keyof Lines]: Lines[Name] };

/** Nothing may follow the loop: V8 throws optimized code away at what does, and optimizes anew, for every chunk. */
function scan({ bytes, position }: Chunk, { recordsMax, takesRest, lineEnd }: Scan, found: Found): void {
  const { ranges, offsetWords } = found;
  const { length } = bytes;
  const base = Number(position);
  let count = 0;
  for (let at = 0; count < recordsMax && at < length; found.length = at) {
    const lineFeed = lineEnd(bytes, at);
    if (lineFeed < 0 && !takesRest) return;
    const stop = lineFeed < 0 ? length : lineFeed;
    const end = bytes[stop - 1] === CARRIAGE_RETURN && stop > at ? stop - 1 : stop;
    if (end > at) {
      ranges[4 * count] = ranges[4 * count + 1] = ABSENT;
      ranges[4 * count + 2] = at;
      ranges[4 * count + 3] = end;
      const offset = base + at;
      offsetWords[2 * count] = offset;
      offsetWords[2 * count + 1] = offset / 0x100000000;
      found.count = ++count;
    }
    at = stop + 1;
  }
}

/** A batch of the lines that were found in `chunk`, whose bytes are the batch's from here on. */
export function batchOfLines(
  chunk: Chunk,
  lines: Lines,
  origin: { readonly stream: string; readonly partition: string },
): Batch {
  return {
    ...origin,
    count: lines.count,
    bytes: isMostOf(lines.length, chunk.bytes)
      ? chunk.bytes.subarray(0, lines.length)
      : chunk.bytes.slice(0, lines.length),
    ranges: lines.ranges,
    offsetWords: lines.offsetWords,
    offsetWidth: 2,
    next: chunk.position + BigInt(lines.length),
  };
}

/** Copying costs time; not copying makes every later owner carry the rest of the buffer along. */
function isMostOf(length: number, bytes: Uint8Array): boolean {
  return length >= 0.75 * bytes.length;
}
