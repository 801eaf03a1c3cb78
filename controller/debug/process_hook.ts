/**
 * Between the engine and `process`: knows which record comes next, and stops a debugger before the one that is asked for.
 *
 * The stop is a statement in a small script of its own, right before the call: one "step into" leads to the processor.
 */

import vm from "node:vm";
import { isSameOrigin, type Origin } from "../../engine/record.ts";

/** Where the debugger is to stop: before a record, before every one that failed, or nowhere. */
export interface Stop {
  readonly record?: Origin;
}

/** The global that a debugger can ask which record is being processed. */
export const DEBUG_HOOK = "__sluice_debug";

type Process = (record: Origin, context: unknown) => unknown;
type Wrapper = (own: symbol, isNext: (record: Origin) => boolean) => Process;

/** A method, so that the call goes to the processor's own function without any other in between. */
const WRAPPER = `(function (own, isNext) {
  return function (record, context) {
    // Sluice stopped here, right before your process(): step into the next line (F11).
    if (isNext(record)) debugger;
    return this[own](record, context);
  };
})`;

const OWN_PROCESS = Symbol("process");

/** See the module. */
export class ProcessHook {
  readonly #stop: Stop;
  #record: Origin | undefined;
  #hasStopped = false;

  constructor(stop: Stop) {
    this.#stop = stop;
  }

  /** What a debugger may ask. */
  readonly answers: { readonly record: () => string } = {
    record: () => {
      if (this.#record === undefined) return "null";
      const { stream, partition, offset } = this.#record;
      return JSON.stringify({ stream, partition, offset: String(offset) });
    },
  };

  /** Whether the debugger stopped. */
  get hasStopped(): boolean {
    return this.#hasStopped;
  }

  /** `processor`, with the stop in front of its `process`. */
  wrap(processor: object): object {
    const { process } = processor as { readonly process: Process };
    const wrapper = new vm.Script(WRAPPER, { filename: "sluice:stop.js" }).runInThisContext() as Wrapper;
    const wrapped = wrapper(OWN_PROCESS, (record) => this.#isNext(record));
    return { ...processor, [OWN_PROCESS]: process, process: wrapped };
  }

  #isNext(record: Origin): boolean {
    this.#record = record;
    const { record: wanted } = this.#stop;
    const isIt = wanted !== undefined && isSameOrigin(wanted, record);
    this.#hasStopped ||= isIt;
    return isIt;
  }
}
