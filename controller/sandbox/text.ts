/**
 * Between bytes and text, a whole batch at once.
 *
 * Most batches are ASCII, where a position in the bytes is a position in the text; the others pay for a scan.
 */

import { ABSENT, type Batch } from "../../engine/batch.ts";
import { arrayText } from "./json_array.ts";
import { type Piece, pieceOf } from "./piece.ts";

// Without options Deno decodes 12 times as fast as with them (2.9.6: 0.11 ms against 1.3 ms for 4 MB of ASCII).
const quick = new TextDecoder();
// A byte order mark inside a batch is content: stripping it would shift every position after it.
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
const lenient = new TextDecoder("utf-8", { ignoreBOM: true });
const encoder = new TextEncoder();
const UTF8_BYTES_PER_UNIT_MAX = 3;

/**
 * V8 keeps a text of this size among its young, where it dies soon. A larger one has pages of its own, fresh ones for
 * every feed, and would live until the whole heap is searched.
 */
const TEXT_BYTES_AIM = 64 * 1024;
const ROW_BITS_MAX = 24;
/** What an array costs goes by bytes, what it saves by records. */
const ARRAY_RECORD_BYTES_MAX = 512;

/** A batch's payload as text; see `TextBatch`. */
export interface DecodedPayload {
  readonly texts: readonly string[];
  /** Per piece; empty unless they are asked for. */
  readonly arrays: readonly string[];
  readonly rowBits: number;
  readonly textRanges: Uint32Array<ArrayBuffer>;
  readonly invalidRows: readonly number[];
}

/** What is wanted of {@linkcode decodePayload}. */
export interface DecodeOptions {
  /** Whether it may come in several pieces. @default {true} */
  readonly isInPieces?: boolean;
  /** Whether an input reads JSON. @default {false} */
  readonly hasJson?: boolean;
}

/** Decodes the payload of `batch`. */
export function decodePayload(batch: Batch, options: DecodeOptions = {}): DecodedPayload {
  const { isInPieces = true, hasJson = false } = options;
  const { bytes, ranges, count } = batch;
  const rowBits = isInPieces ? rowBitsOf(batch) : ROW_BITS_MAX;
  const textRanges = new Uint32Array(ranges.length);
  const texts: string[] = [];
  const arrays: string[] = [];
  const invalidRows: number[] = [];
  const isWorthArrays = hasJson && bytes.length <= ARRAY_RECORD_BYTES_MAX * count;
  for (let row = 0; row < count; row += 1 << rowBits) {
    const piece = pieceOf(batch, row, Math.min(row + (1 << rowBits), count));
    texts.push(decodeRows(piece, textRanges, invalidRows));
    if (isWorthArrays) arrays.push(arrayText(piece));
  }
  return { texts, arrays, rowBits, textRanges, invalidRows };
}

function rowBitsOf({ bytes, count }: Batch): number {
  const rows = TEXT_BYTES_AIM * count / Math.max(bytes.length, 1);
  return Math.min(Math.max(Math.floor(Math.log2(rows)), 0), ROW_BITS_MAX);
}

function decodeRows(piece: Piece, textRanges: Uint32Array, invalidRows: number[]): string {
  const { bytes, ranges, fromRow, toRow, start, end } = piece;
  const payload = bytes.subarray(start, end);
  const ascii = quick.decode(payload);
  // A code unit per byte, and none that stands for a byte that is not UTF-8: positions are the same in both.
  if (ascii.length === payload.length && !ascii.includes("\ufffd")) {
    for (let field = 4 * fromRow; field < 4 * toRow; field++) {
      textRanges[field] = ranges[field] === ABSENT ? ABSENT : ranges[field] - start;
    }
    return ascii;
  }
  let text: string;
  try {
    text = strict.decode(payload);
  } catch {
    return decodeRowByRow(piece, textRanges, invalidRows);
  }
  if (cutsCharacters(piece)) return decodeRowByRow(piece, textRanges, invalidRows);
  const positions = textPositions(payload);
  for (let field = 4 * fromRow; field < 4 * toRow; field++) {
    textRanges[field] = ranges[field] === ABSENT ? ABSENT : positions[ranges[field] - start];
  }
  return text;
}

/** Whether a record begins or ends inside a character: together the bytes are UTF-8, and each by itself they are not. */
function cutsCharacters({ bytes, ranges, fromRow, toRow }: Piece): boolean {
  return ranges.subarray(4 * fromRow, 4 * toRow).some((at) => at < bytes.length && (bytes[at] & 0xc0) === 0x80);
}

/** Text positions of invalid bytes are a matter of taste, so rows are decoded one by one and joined. */
function decodeRowByRow({ bytes, ranges, fromRow, toRow }: Piece, textRanges: Uint32Array, invalidRows: number[]) {
  let text = "";
  for (let row = fromRow; row < toRow; row++) {
    let isValid = true;
    for (let field = 4 * row; field < 4 * row + 4; field += 2) {
      if (ranges[field] === ABSENT) {
        textRanges[field] = textRanges[field + 1] = ABSENT;
        continue;
      }
      const payload = bytes.subarray(ranges[field], ranges[field + 1]);
      isValid &&= isUtf8(payload);
      textRanges[field] = text.length;
      text += lenient.decode(payload);
      textRanges[field + 1] = text.length;
    }
    if (!isValid) invalidRows.push(row);
  }
  return text;
}

function isUtf8(bytes: Uint8Array): boolean {
  try {
    strict.decode(bytes);
    return true;
  } catch {
    return false;
  }
}

/** For each byte position, the code units before it. */
function textPositions(bytes: Uint8Array): Uint32Array {
  const positions = new Uint32Array(bytes.length + 1);
  let units = 0;
  for (let at = 0; at < bytes.length; at++) {
    positions[at] = units;
    const byte = bytes[at];
    if ((byte & 0xc0) !== 0x80) units += byte >= 0xf0 ? 2 : 1;
  }
  positions[bytes.length] = units;
  return positions;
}

/** Text as bytes, with the byte length of each of its parts. */
export interface EncodedParts {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly lengths: Int32Array<ArrayBuffer>;
}

/**
 * Encodes joined parts, a text in pieces; `lengths` are their code units, -1 for an absent one, and each part (absent
 * ones too) is followed by `gap` code units that are ASCII.
 */
export function encodeParts(pieces: readonly string[], lengths: Int32Array<ArrayBuffer>, gap: number): EncodedParts {
  const bytes = new Uint8Array(pieces.reduce((units, piece) => units + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    const { read, written } = encoder.encodeInto(piece, bytes.subarray(at));
    if (written !== piece.length || read !== piece.length) return encodeAnyParts(pieces.join(""), lengths, gap);
    at += written;
  }
  return { bytes, lengths };
}

/** Part by part: joined, halves of a character at the end of one part and the beginning of the next would become one. */
function encodeAnyParts(text: string, lengths: Int32Array<ArrayBuffer>, gap: number): EncodedParts {
  const bytes = new Uint8Array(text.length * UTF8_BYTES_PER_UNIT_MAX);
  const byteLengths = new Int32Array(lengths.length);
  let at = 0;
  let byteAt = 0;
  for (let part = 0; part < lengths.length; part++) {
    const end = at + Math.max(lengths[part], 0) + gap;
    const { written } = encoder.encodeInto(text.slice(at, end), bytes.subarray(byteAt));
    byteLengths[part] = lengths[part] < 0 ? -1 : written - gap;
    at = end;
    byteAt += written;
  }
  return { bytes: bytes.slice(0, byteAt), lengths: byteLengths };
}

/** Text whose code units are bytes. */
export function encodeBinary(text: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(text.length);
  for (let i = 0; i < text.length; i++) bytes[i] = text.charCodeAt(i);
  return bytes;
}
