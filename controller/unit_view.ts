/** What one unit of a feed did, taken out of the packed columns to be compared and shown. */

import { traceEntries, type TraceEntry } from "../engine/trace.ts";
import { unpackOutputs } from "../formats/unpacked_outputs.ts";
import type { DigestedFed } from "./realm.ts";

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
    this.#outputs ??= unpackOutputs(this.#fed.outputs).map(({ name, timeMs: _, ...output }) => ({
      ...output,
      name: this.#outputNames[name],
    }));
    return {
      outputs: this.#outputs.slice(unit === 0 ? 0 : outputEnds[unit - 1], outputEnds[unit]),
      trace: traceEntries(this.#fed.trace, unit === 0 ? 0 : traceEnds[unit - 1], traceEnds[unit]),
    };
  }
}
