/**
 * Rows of CSV (RFC 4180) as records of JSON, objects by the names in the header; values are text.
 *
 * A row's offset is its position in the file. Where rows end is found here; what they say is read by csv-parse. A row
 * that is no CSV stays as it is, so that its record fails alone, and the error policy decides.
 */

import { parse } from "csv-parse/sync";
import type { Batch } from "../engine/batch.ts";
import { type Chunk, findLines, LINE_FEED, type Lines } from "./lines.ts";

const QUOTE = 34;
const COMMA = 44;

/** Finds the rows in `chunk`, like `findLines`: a line feed within quotes ends no row. */
export function findRows(chunk: Chunk, recordsMax: number, takesRest: boolean): Lines {
  return findLines(chunk, recordsMax, takesRest, rowScanner());
}

/** Finds the ends of rows, one after the other. */
function rowScanner(): (bytes: Uint8Array, from: number) => number {
  // Kept from row to row: where quotes are rare, every row would look for the next one through the whole chunk.
  let quote = -1;
  return (bytes, from) => {
    if (quote < from) quote = nextQuote(bytes, from);
    let lineFeed = bytes.indexOf(LINE_FEED, from);
    while (quote < lineFeed) {
      // A quote that does not begin a field is a character like any other.
      const isOpening = quote === from || bytes[quote - 1] === COMMA;
      const closing = isOpening ? closingQuote(bytes, quote + 1) : quote;
      if (closing < 0) return -1;
      if (closing > lineFeed) lineFeed = bytes.indexOf(LINE_FEED, closing);
      quote = nextQuote(bytes, closing + 1);
    }
    return lineFeed;
  };
}

function nextQuote(bytes: Uint8Array, from: number): number {
  const quote = bytes.indexOf(QUOTE, from);
  return quote < 0 ? Infinity : quote;
}

/** The quote that closes a field; two in a row are one of its characters. */
function closingQuote(bytes: Uint8Array, from: number): number {
  let quote = bytes.indexOf(QUOTE, from);
  while (quote >= 0 && bytes[quote + 1] === QUOTE) quote = bytes.indexOf(QUOTE, quote + 2);
  return quote;
}

/** The names in a header. */
export function columnsOf(header: Uint8Array): readonly string[] {
  const [columns = []] = parse(new TextDecoder().decode(header)) as string[][];
  return columns;
}

/** The rows of `batch` as JSON. */
export function rowsAsJson(batch: Batch, columns: readonly string[]): Batch {
  const encoder = new TextEncoder();
  const decoder = new TextDecoder("utf-8", { fatal: true });
  const ranges = batch.ranges.slice();
  const values: Uint8Array[] = [];
  let length = 0;
  for (let row = 0; row < batch.count; row++) {
    const bytes = batch.bytes.subarray(ranges[4 * row + 2], ranges[4 * row + 3]);
    const object = objectOf(bytes, columns, decoder);
    const value = object ? encoder.encode(JSON.stringify(object)) : bytes;
    ranges[4 * row + 2] = length;
    ranges[4 * row + 3] = length += value.length;
    values.push(value);
  }
  return { ...batch, ranges, bytes: joined(values, length) };
}

function objectOf(bytes: Uint8Array, columns: readonly string[], decoder: TextDecoder): object | undefined {
  try {
    const rows = parse(decoder.decode(bytes), { columns: [...columns] });
    return rows.length === 1 ? rows[0] as object : undefined;
  } catch {
    return undefined;
  }
}

function joined(parts: readonly Uint8Array[], length: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
