/**
 * Headers: names with values that travel beside a record's payload, in order, names possibly repeated (KIP-82).
 *
 * Most records have none, so a batch has these columns only when one of its records has headers, and nothing is made
 * of them before a processor asks.
 */

import { ABSENT } from "./batch.ts";
import { describe } from "./json_value.ts";

/** The headers of a batch's records, packed. */
export interface HeaderColumns {
  /** Names and values, in any arrangement. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** One more than there are rows: the headers of row `i` are those from `starts[i]` up to `starts[i + 1]`. */
  readonly starts: Uint32Array<ArrayBuffer>;
  /** Four per header: name start, name end, value start, value end; byte positions in `bytes`, or {@linkcode ABSENT}. */
  readonly ranges: Uint32Array<ArrayBuffer>;
}

/** A header's value as it may be emitted. */
export type HeaderValue = string | Uint8Array | null;

/** Headers as they may be emitted: by name, or as pairs where names repeat. */
export type HeadersInit = Readonly<Record<string, HeaderValue>> | Iterable<readonly [string, HeaderValue]>;

/** The headers of one record, as its processor sees them: pairs of name and value, in order. */
export class RecordHeaders implements Iterable<readonly [string, Uint8Array | null]> {
  readonly #columns: HeaderColumns | undefined;
  readonly #row: number;

  /** The headers of `row`; none when its batch has none. */
  constructor(columns: HeaderColumns | undefined, row: number) {
    this.#columns = columns;
    this.#row = row;
  }

  /** How many there are. */
  get size(): number {
    return this.#columns === undefined ? 0 : this.#columns.starts[this.#row + 1] - this.#columns.starts[this.#row];
  }

  /** The last value of that name as text; null for a header without value, undefined when there is none. */
  get(name: string): string | null | undefined {
    let found: Uint8Array | null | undefined;
    for (const [each, value] of this) if (each === name) found = value;
    return found instanceof Uint8Array ? new TextDecoder().decode(found) : found;
  }

  /** All pairs of name and value, in order. Values are copies. */
  *[Symbol.iterator](): Generator<readonly [string, Uint8Array | null]> {
    if (this.#columns === undefined) return;
    const { bytes, ranges, starts } = this.#columns;
    const decoder = new TextDecoder();
    for (let header = starts[this.#row]; header < starts[this.#row + 1]; header++) {
      const [nameStart, nameEnd, valueStart, valueEnd] = ranges.subarray(4 * header, 4 * header + 4);
      const name = decoder.decode(bytes.subarray(nameStart, nameEnd));
      yield [name, valueStart === ABSENT ? null : bytes.slice(valueStart, valueEnd)];
    }
  }
}

/** The columns of the rows `[fromRow, toRow)`; they share `bytes`. */
export function sliceHeaders({ bytes, starts, ranges }: HeaderColumns, fromRow: number, toRow: number): HeaderColumns {
  const first = starts[fromRow];
  return {
    bytes: bytes.slice(),
    starts: starts.slice(fromRow, toRow + 1).map((start) => start - first),
    ranges: ranges.slice(4 * first, 4 * starts[toRow]),
  };
}

/** The columns of consecutive batches as one; `counts` are their rows. */
export function joinHeaders(parts: readonly (HeaderColumns | undefined)[], counts: readonly number[]): HeaderColumns {
  const bytes: number[] = [];
  const starts: number[] = [0];
  const ranges: number[] = [];
  parts.forEach((part, i) => {
    const header = ranges.length / 4;
    const at = bytes.length;
    for (let row = 1; row <= counts[i]; row++) starts.push(header + (part ? part.starts[row] : 0));
    for (const position of part?.ranges ?? []) ranges.push(position === ABSENT ? ABSENT : position + at);
    for (const byte of part?.bytes ?? []) bytes.push(byte);
  });
  return { bytes: Uint8Array.from(bytes), starts: Uint32Array.from(starts), ranges: Uint32Array.from(ranges) };
}

/** A value that is not text, in JSON. */
interface Base64 {
  readonly base64: string;
}

/**
 * Emitted headers as JSON: `[["name", "text"], ["other", null], ["raw", { "base64": "…" }]]`.
 *
 * @throws {TypeError} when they are none
 */
export function headersToJson(headers: HeadersInit): string {
  if (typeof headers !== "object" || headers === null) {
    throw new TypeError(
      `Cannot emit output: its headers are ${describe(headers)}, an object { name: value } is wanted`,
    );
  }
  const pairs = Symbol.iterator in headers ? [...headers] : Object.entries(headers);
  return JSON.stringify(pairs.map(([name, value]) => [String(name), valueToJson(name, value)]));
}

function valueToJson(name: string, value: HeaderValue): string | null | Base64 {
  if (typeof value === "string" || value === null) return value;
  if (!(value instanceof Uint8Array)) {
    throw new TypeError(`Cannot emit output: header ${name} is ${describe(value)}, text, bytes or null is wanted`);
  }
  const text = new TextDecoder().decode(value);
  // What is text is kept as text: people read it, and both forms give the same bytes.
  const isText = !text.includes("\ufffd") && new TextEncoder().encode(text).length === value.length;
  return isText ? text : { base64: btoa(String.fromCharCode(...value)) };
}

/** A header as it is written. */
export interface Header {
  /** Its name. */
  readonly name: string;
  /** Its value; null for none. */
  readonly value: Uint8Array | null;
}

/** The headers in what {@linkcode headersToJson} made. */
export function headersFromJson(json: string): Header[] {
  const encoder = new TextEncoder();
  const pairs = JSON.parse(json) as [string, string | null | Base64][];
  return pairs.map(([name, value]) => ({
    name,
    value: value === null
      ? null
      : typeof value === "string"
      ? encoder.encode(value)
      : Uint8Array.fromBase64(value.base64),
  }));
}
