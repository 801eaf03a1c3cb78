/** Packed outputs one by one, as text, and back: for tests, people and comparisons, never on the hot path. */

import type { PackedOutputs } from "../engine/output.ts";

/** One output as text. */
export interface UnpackedOutput {
  /** The index of its name among the processor's outputs. */
  readonly name: number;
  readonly key: string | null;
  /** `null` is a tombstone. */
  readonly value: string | null;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
  /** As JSON (`headersToJson`); absent where it has none. */
  readonly headers?: string;
  /** Absent where the key decides. */
  readonly partition?: number;
}

/** Unpacks all outputs, in order. */
export function unpackOutputs(packed: PackedOutputs): UnpackedOutput[] {
  const { values, keys, valueLengths, keyLengths, timesMs, names } = packed;
  const decoder = new TextDecoder();
  const outputs: UnpackedOutput[] = [];
  let valueAt = 0;
  let keyAt = 0;
  for (let i = 0; i < packed.count; i++) {
    const key = keyLengths[i] < 0 ? null : decoder.decode(keys.subarray(keyAt, keyAt += keyLengths[i]));
    const value = valueLengths[i] < 0 ? null : decoder.decode(values.subarray(valueAt, valueAt += valueLengths[i]));
    // The line feed after it.
    valueAt++;
    outputs.push({ name: names[i], key, value, timeMs: timesMs[i] });
  }
  return packed.extras ? withExtras(outputs, packed.extras) : outputs;
}

function withExtras(
  outputs: readonly UnpackedOutput[],
  { rows, partitions, headers, headerLengths }: NonNullable<PackedOutputs["extras"]>,
): UnpackedOutput[] {
  const complete = [...outputs];
  const decoder = new TextDecoder();
  let at = 0;
  rows.forEach((row, i) => {
    const json = headerLengths[i] < 0 ? undefined : decoder.decode(headers.subarray(at, at += headerLengths[i]));
    complete[row] = {
      ...complete[row],
      ...(json === undefined ? {} : { headers: json }),
      ...(partitions[i] < 0 ? {} : { partition: partitions[i] }),
    };
  });
  return complete;
}

/** Packs outputs that are text. */
export function packOutputs(outputs: readonly UnpackedOutput[]): PackedOutputs {
  const encoder = new TextEncoder();
  const values = outputs.map(({ value }) => encoder.encode(value ?? ""));
  const keys = outputs.map(({ key }) => encoder.encode(key ?? ""));
  const lengths = (fields: readonly Uint8Array[], isAbsent: (output: UnpackedOutput) => boolean) =>
    Int32Array.from(fields, (field, i) => isAbsent(outputs[i]) ? -1 : field.length);
  const extras = packExtras(outputs);
  return {
    count: outputs.length,
    values: join(values, 1),
    keys: join(keys, 0),
    valueLengths: lengths(values, ({ value }) => value === null),
    keyLengths: lengths(keys, ({ key }) => key === null),
    timesMs: Float64Array.from(outputs, ({ timeMs }) => timeMs),
    names: Int32Array.from(outputs, ({ name }) => name),
    isSingleLine: false,
    ...(extras ? { extras } : {}),
  };
}

function packExtras(outputs: readonly UnpackedOutput[]): PackedOutputs["extras"] {
  const encoder = new TextEncoder();
  const rows = [...outputs.keys()].filter((i) =>
    outputs[i].headers !== undefined || outputs[i].partition !== undefined
  );
  if (rows.length === 0) return undefined;
  const headers = rows.map((row) => encoder.encode(outputs[row].headers ?? ""));
  return {
    rows: Int32Array.from(rows),
    partitions: Int32Array.from(rows, (row) => outputs[row].partition ?? -1),
    headers: join(headers, 0),
    headerLengths: Int32Array.from(rows, (row, i) => outputs[row].headers === undefined ? -1 : headers[i].length),
  };
}

const LINE_FEED = 10;

function join(parts: readonly Uint8Array[], gap: 0 | 1): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length + gap, 0)).fill(LINE_FEED);
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length + gap;
  }
  return joined;
}
