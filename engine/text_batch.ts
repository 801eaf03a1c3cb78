/** A batch as the engine reads it: its payload decoded once, cut per record only when a record is processed. */

import { ABSENT, type Batch, offsetAt } from "./batch.ts";
import { RecordHeaders } from "./headers.ts";
import type { JsonPieces } from "./json_pieces.ts";
import { hashText } from "./random.ts";
import type { StreamRecord } from "./record.ts";

/** A batch with its payload as text. */
export interface TextBatch extends Omit<Batch, "bytes" | "anchor" | "next"> {
  /** The payload of rows in pieces, `2 ** rowBits` rows in each. */
  readonly texts: readonly string[];
  /** See `texts`. */
  readonly rowBits: number;
  /** Like {@linkcode Batch.ranges}, in UTF-16 code units of the row's piece. */
  readonly textRanges: Uint32Array;
  /** The payload, for inputs whose codec reads bytes; a copy that the processor may change. */
  readonly bytes?: Uint8Array;
  /** The values of pieces that are lists of JSON values. */
  readonly json?: JsonPieces;
  /** Rows whose payload is not valid UTF-8. */
  readonly invalidRows: ReadonlySet<number>;
}

/** Key of the random generators of a partition's records. */
export function originHash(batch: Pick<Batch, "stream" | "partition">): number {
  return hashText(batch.stream + "\u0000" + batch.partition);
}

/** The key of `row`, or null. */
export function keyAt(batch: TextBatch, row: number): string | null {
  const start = batch.textRanges[4 * row];
  return start === ABSENT ? null : batch.texts[row >> batch.rowBits].slice(start, batch.textRanges[4 * row + 1]);
}

/** The value of `row` as text, or null for a tombstone. */
export function valueTextAt(batch: TextBatch, row: number): string | null {
  const start = batch.textRanges[4 * row + 2];
  return start === ABSENT ? null : batch.texts[row >> batch.rowBits].slice(start, batch.textRanges[4 * row + 3]);
}

/** The value of `row` as bytes, or null for a tombstone. */
export function valueBytesAt(batch: TextBatch, row: number): Uint8Array | null {
  const start = batch.ranges[4 * row + 2];
  return start === ABSENT ? null : batch.bytes!.subarray(start, batch.ranges[4 * row + 3]);
}

/** A record that looks into its batch; its rarely used parts are computed when they are asked for. */
export class BatchRecord implements StreamRecord {
  readonly input: string;
  readonly key: string | null;
  readonly value: unknown;
  readonly #batch: TextBatch;
  readonly #row: number;

  constructor(batch: TextBatch, row: number, input: string, value: unknown) {
    this.input = input;
    this.key = keyAt(batch, row);
    this.value = value;
    this.#batch = batch;
    this.#row = row;
  }

  get stream(): string {
    return this.#batch.stream;
  }

  get partition(): string {
    return this.#batch.partition;
  }

  get offset(): bigint {
    return offsetAt(this.#batch, this.#row);
  }

  get headers(): RecordHeaders {
    return new RecordHeaders(this.#batch.headers, this.#row);
  }

  get eventTimeMs(): number | undefined {
    const timeMs = this.#batch.eventTimesMs?.[this.#row];
    return timeMs === undefined || Number.isNaN(timeMs) ? undefined : timeMs;
  }
}
