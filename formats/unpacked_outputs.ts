/** Packed outputs one by one, as text: for tests, people and comparisons, never on the hot path. */

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
