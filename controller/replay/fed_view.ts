/** What the units of a feed did, taken out of the packed columns to be compared and shown. */

import { traceEntries, type TraceEntry } from "../../engine/trace.ts";
import { unpackOutputs } from "../../formats/unpacked_outputs.ts";
import type { DigestedFed } from "../realm.ts";

/** One output, as text. */
export interface OutputView {
  readonly name: string;
  readonly key: string | null;
  readonly value: string | null;
  /** As JSON (`headersToJson`). */
  readonly headers?: string;
  readonly partition?: number;
}

/** What one unit did. */
export interface UnitView {
  readonly outputs: readonly OutputView[];
  readonly trace: readonly TraceEntry[];
}

const NOTHING: UnitView = { outputs: [], trace: [] };

/** Looks into what a feed did; must not be used once the feed's memory was given back. */
export class FedView {
  readonly #fed: DigestedFed;
  readonly #outputNames: readonly string[];
  #outputs: readonly OutputView[] | undefined;
  #trace: readonly TraceEntry[] | undefined;

  constructor(fed: DigestedFed, outputNames: readonly string[]) {
    this.#fed = fed;
    this.#outputNames = outputNames;
  }

  /** How many units the feed had. */
  get length(): number {
    return this.#fed.unitDigests.length;
  }

  /** Per unit the record of the feed that it was, counted from 0; -1 for timers and hooks. */
  get records(): Int32Array {
    return this.#fed.units.records;
  }

  digest(unit: number): number | undefined {
    return this.#fed.unitDigests[unit];
  }

  /** The record of the feed that `unit` was, counted from 0; -1 for timers and hooks. */
  record(unit: number): number {
    return this.records[unit] ?? -1;
  }

  /** The unit that was record `record` of the feed. */
  unitOf(record: number): number {
    return this.records.indexOf(record);
  }

  /** How many outputs `unit` had. */
  outputCount(unit: number): number {
    const { outputEnds } = this.#fed.units;
    return outputEnds[unit] - (unit === 0 ? 0 : outputEnds[unit - 1]);
  }

  /** The unit that emitted the output `output` of the feed. */
  unitOfOutput(output: number): number {
    return this.#fed.units.outputEnds.findIndex((end) => end > output);
  }

  /** What a unit did; nothing when there is no such unit. */
  unit(unit: number | undefined): UnitView {
    if (unit === undefined || unit >= this.length) return NOTHING;
    const { outputEnds, traceEnds } = this.#fed.units;
    return {
      outputs: this.outputs.slice(unit === 0 ? 0 : outputEnds[unit - 1], outputEnds[unit]),
      trace: this.#allTrace().slice(unit === 0 ? 0 : traceEnds[unit - 1], traceEnds[unit]),
    };
  }

  /** All outputs of the feed. */
  get outputs(): readonly OutputView[] {
    return this.#outputs ??= unpackOutputs(this.#fed.outputs).map(({ name, timeMs: _, ...output }) => ({
      ...output,
      name: this.#outputNames[name],
    }));
  }

  #allTrace(): readonly TraceEntry[] {
    return this.#trace ??= traceEntries(this.#fed.trace, this.#fed.changes);
  }
}

/** A unit and its counterpart in another run of the same feed; either may be missing. */
export type UnitPair = readonly [first: number | undefined, second: number | undefined];

/** Pairs the units of two runs of one feed: record with record, and the timers between two records in order. */
export function* pairUnits(first: Int32Array, second: Int32Array): Generator<UnitPair> {
  let [i, j] = [0, 0];
  while (i < first.length || j < second.length) {
    const [was, is] = [first[i] ?? Infinity, second[j] ?? Infinity];
    if (was === is) yield [i++, j++];
    else if (was < is) yield [i++, undefined];
    else yield [undefined, j++];
  }
}
