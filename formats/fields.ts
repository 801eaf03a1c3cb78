/**
 * Key and event time from the fields of a JSON record, for `?key=customer&time=time`.
 *
 * A record that is no JSON object, or lacks the field, has no key and no time; whether that is an error is for its
 * processor to say. A time that is there but is none is marked, and fails the record.
 */

import { type Batch, TIME_MS_MAX, UNREADABLE_TIME } from "../engine/batch.ts";

/** Which fields hold key and event time. */
export interface FieldNames {
  /** The field that holds the key. */
  readonly key: string | undefined;
  /** The field that holds the time: milliseconds, or ISO 8601. */
  readonly time: string | undefined;
}

/** `batch` with keys and event times from the fields of its values. */
export function withFields(batch: Batch, names: FieldNames): Batch {
  if (names.key === undefined && names.time === undefined) return batch;
  const ranges = batch.ranges.slice();
  const eventTimesMs = new Float64Array(batch.count).fill(NaN);
  const keys: Uint8Array[] = [];
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  let keysLength = 0;
  for (let row = 0; row < batch.count; row++) {
    const value = parseObject(decoder.decode(batch.bytes.subarray(ranges[4 * row + 2], ranges[4 * row + 3])));
    if (names.time !== undefined) eventTimesMs[row] = timeOf(value?.[names.time]);
    const key = names.key === undefined ? undefined : value?.[names.key];
    if (key === undefined || key === null) continue;
    const bytes = encoder.encode(typeof key === "object" ? JSON.stringify(key) : String(key));
    ranges[4 * row] = batch.bytes.length + keysLength;
    keysLength += bytes.length;
    ranges[4 * row + 1] = batch.bytes.length + keysLength;
    keys.push(bytes);
  }
  const result: Batch = { ...batch, ranges, bytes: concatenate(batch.bytes, keys, keysLength) };
  return names.time === undefined ? result : { ...result, eventTimesMs };
}

function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function timeOf(value: unknown): number {
  if (value === undefined || value === null) return NaN;
  // What a `Date` would be of it: whole milliseconds, and none that is out of its reach.
  const timeMs = typeof value === "number" ? Math.floor(value) : Date.parse(String(value));
  return Math.abs(timeMs) <= TIME_MS_MAX ? timeMs : UNREADABLE_TIME;
}

function concatenate(bytes: Uint8Array, parts: readonly Uint8Array[], partsLength: number): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(bytes.length + partsLength);
  joined.set(bytes);
  let at = bytes.length;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
