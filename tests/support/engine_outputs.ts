/** The outputs of an engine, one by one. */

import type { OutputColumns } from "../../engine/output.ts";

/** An output; its value is parsed. */
export interface EngineOutput {
  readonly name: number;
  readonly key: string | null;
  readonly value: unknown;
  readonly timeMs: number;
}

/** The outputs in `columns`, which are JSON. */
export function unpackOutputs(columns: OutputColumns): EngineOutput[] {
  const [values, keys] = [columns.values.join(""), columns.keys.join("")];
  let [valueAt, keyAt] = [0, 0];
  return Array.from(columns.names, (name, i) => {
    const [valueLength, keyLength] = [columns.valueLengths[i], columns.keyLengths[i]];
    const value = valueLength < 0 ? null : JSON.parse(values.slice(valueAt, valueAt + valueLength));
    valueAt += Math.max(0, valueLength) + 1;
    const key = keyLength < 0 ? null : keys.slice(keyAt, keyAt += keyLength);
    return { name, key, value, timeMs: columns.timesMs[i] };
  });
}
