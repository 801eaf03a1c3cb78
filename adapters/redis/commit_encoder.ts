/** From a feed's outputs to the command that commits them, framed once, without an object per record. */

import type { PackedOutputs } from "../../engine/output.ts";
import { type Commit, SinkError } from "../sink.ts";
import { encodeWords, type Word } from "./protocol/resp.ts";

/** `$<length>\r\n` and `\r\n` at their longest, twice, and the code of an output. */
const OUTPUT_OVERHEAD = 64;
const HAS_VALUE = 1;
const HAS_KEY = 2;
const STREAM = 8;
const DOLLAR = 36;
const ZERO = 48;

/**
 * The command: `head`, then the arguments of every output; see `COMMIT` in `scripts.ts`.
 *
 * @param streamOf by output name, which of the command's streams takes it
 * @throws {SinkError} for an output with neither key nor value: an entry has at least one field
 */
export function encodeCommit(
  head: readonly Word[],
  { task, seq, outputs }: Commit,
  streamOf: readonly number[],
): Uint8Array<ArrayBuffer> {
  const { count, keys, values, keyLengths, valueLengths, names } = outputs;
  const start = encodeWords(head, head.length + argumentsOf(outputs));
  const bytes = new Uint8Array(start.length + keys.length + values.length + count * OUTPUT_OVERHEAD);
  bytes.set(start);
  let at = start.length;
  let keyAt = 0;
  let valueAt = 0;
  for (let i = 0; i < count; i++) {
    const [keyLength, valueLength] = [keyLengths[i], valueLengths[i]];
    const has = (keyLength < 0 ? 0 : HAS_KEY) + (valueLength < 0 ? 0 : HAS_VALUE);
    if (has === 0) throw noField(i, seq, task);
    at = writeNumber(bytes, at, STREAM * streamOf[names[i]] + has);
    if (keyLength >= 0) at = writeBulk(bytes, at, keys, keyAt, keyAt += keyLength);
    if (valueLength >= 0) at = writeBulk(bytes, at, values, valueAt, valueAt + valueLength);
    valueAt += Math.max(valueLength, 0) + 1;
  }
  return bytes.subarray(0, at);
}

function argumentsOf({ count, keyLengths, valueLengths }: PackedOutputs): number {
  let words = count;
  for (let i = 0; i < count; i++) words += (keyLengths[i] < 0 ? 0 : 1) + (valueLengths[i] < 0 ? 0 : 1);
  return words;
}

function writeBulk(to: Uint8Array, at: number, from: Uint8Array, start: number, end: number): number {
  at = writeHead(to, at, end - start);
  to.set(from.subarray(start, end), at);
  return writeLineEnd(to, at + end - start);
}

function writeNumber(to: Uint8Array, at: number, value: number): number {
  const digits = digitsOf(value);
  return writeLineEnd(to, writeDigits(to, writeHead(to, at, digits), value, digits));
}

function writeHead(to: Uint8Array, at: number, length: number): number {
  to[at] = DOLLAR;
  return writeLineEnd(to, writeDigits(to, at + 1, length, digitsOf(length)));
}

function writeDigits(to: Uint8Array, at: number, value: number, digits: number): number {
  for (let digit = at + digits - 1; digit >= at; digit--) {
    to[digit] = ZERO + value % 10;
    value = Math.floor(value / 10);
  }
  return at + digits;
}

function digitsOf(value: number): number {
  let digits = 1;
  for (; value >= 10; value = Math.floor(value / 10)) digits++;
  return digits;
}

function writeLineEnd(to: Uint8Array, at: number): number {
  to[at] = 13;
  to[at + 1] = 10;
  return at + 2;
}

function noField(output: number, seq: number, task: string): SinkError {
  return new SinkError(
    `Cannot write output ${output} of feed ${seq}, task ${task}: it has neither key nor value, and a Redis entry has at ` +
      "least one field",
    { code: "E_NO_FIELD", task, seq },
  );
}
