/** What one unit of a feed did, taken out of the packed columns to be compared and shown. */

import type { PackedOutputs } from "../engine/output.ts";
import { traceEntries, type TraceEntry } from "../engine/trace.ts";
import type { DigestedFed } from "./realm.ts";

/** One output, as text. */
export interface OutputView {
  readonly name: string;
  readonly key: string | null;
  readonly value: string | null;
}

/** What one unit did. */
export interface UnitView {
  readonly outputs: readonly OutputView[];
  readonly trace: readonly TraceEntry[];
}

/** Looks into what a feed did. */
export class FedView {
  readonly #fed: DigestedFed;
  readonly #outputNames: readonly string[];
  #outputs: readonly OutputView[] | undefined;

  constructor(fed: DigestedFed, outputNames: readonly string[]) {
    this.#fed = fed;
    this.#outputNames = outputNames;
  }

  /** How many units the feed had. */
  get length(): number {
    return this.#fed.unitDigests.length;
  }

  digest(unit: number): number | undefined {
    return this.#fed.unitDigests[unit];
  }

  /** The record of the feed that `unit` was, counted from 0; -1 for timers and hooks. */
  record(unit: number): number {
    return this.#fed.units.records[unit] ?? -1;
  }

  unit(unit: number): UnitView {
    if (unit >= this.length) return { outputs: [], trace: [] };
    const { outputEnds, traceEnds } = this.#fed.units;
    this.#outputs ??= unpackOutputs(this.#fed.outputs, this.#outputNames);
    return {
      outputs: this.#outputs.slice(unit === 0 ? 0 : outputEnds[unit - 1], outputEnds[unit]),
      trace: traceEntries(this.#fed.trace, unit === 0 ? 0 : traceEnds[unit - 1], traceEnds[unit]),
    };
  }
}

function unpackOutputs(packed: PackedOutputs, outputNames: readonly string[]): OutputView[] {
  const decoder = new TextDecoder();
  const outputs: OutputView[] = [];
  let valueAt = 0;
  let keyAt = 0;
  for (let i = 0; i < packed.count; i++) {
    const valueLength = packed.valueLengths[i];
    const keyLength = packed.keyLengths[i];
    outputs.push({
      name: outputNames[packed.names[i]],
      key: keyLength < 0 ? null : decoder.decode(packed.keys.subarray(keyAt, keyAt + keyLength)),
      value: valueLength < 0 ? null : decoder.decode(packed.values.subarray(valueAt, valueAt + valueLength)),
    });
    valueAt += Math.max(valueLength, 0) + 1;
    keyAt += Math.max(keyLength, 0);
  }
  return outputs;
}
