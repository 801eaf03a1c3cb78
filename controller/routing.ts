/** Which outputs of a feed go to which sink. */

import type { Sink } from "../adapters/sink.ts";
import type { PackedOutputs } from "../engine/output.ts";

/** A sink and the outputs it takes. */
export interface Route {
  /** The name of the output, or `default` for all that no other route takes. */
  readonly name: string;
  readonly sink: Sink;
}

/** The part of `outputs` that each of `routes` takes; `names` are the processor's outputs. */
export function routeOutputs(
  outputs: PackedOutputs,
  names: readonly string[],
  routes: readonly Route[],
): readonly PackedOutputs[] {
  if (routes.length === 1) return [outputs];
  const routeOf = names.map((name) => {
    const exact = routes.findIndex((route) => route.name === name);
    return exact >= 0 ? exact : routes.findIndex((route) => route.name === "default");
  });
  return routes.map((_route, index) => select(outputs, (name) => routeOf[name] === index));
}

function select(outputs: PackedOutputs, isWanted: (name: number) => boolean): PackedOutputs {
  const { names, keyLengths, valueLengths } = outputs;
  const chosen = [...names.keys()].filter((i) => isWanted(names[i]));
  const isChosen = new Set(chosen);
  const values: Uint8Array[] = [];
  const keys: Uint8Array[] = [];
  let valueAt = 0;
  let keyAt = 0;
  for (let i = 0; i < outputs.count; i++) {
    const valueEnd = valueAt + Math.max(valueLengths[i], 0) + 1;
    const keyEnd = keyAt + Math.max(keyLengths[i], 0);
    if (isChosen.has(i)) {
      values.push(outputs.values.subarray(valueAt, valueEnd));
      keys.push(outputs.keys.subarray(keyAt, keyEnd));
    }
    valueAt = valueEnd;
    keyAt = keyEnd;
  }
  const pick = (column: Int32Array) => Int32Array.from(chosen, (i) => column[i]);
  return {
    ...outputs,
    count: chosen.length,
    values: join(values),
    keys: join(keys),
    valueLengths: pick(valueLengths),
    keyLengths: pick(keyLengths),
    timesMs: Float64Array.from(chosen, (i) => outputs.timesMs[i]),
    names: pick(names),
  };
}

function join(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}
