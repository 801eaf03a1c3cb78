/** A throw inside `queueMicrotask` reaches no handler on its own; here it fails the task. */

import { setMethod } from "./intrinsics.ts";

/** What the microtasks of one task threw. */
export interface Thrown {
  first: { readonly error: unknown } | undefined;
}

let collector: Thrown = { first: undefined };

/** Notes in `thrown` what microtasks throw that are queued from here on. */
export function collectThrown(thrown: Thrown): void {
  collector = thrown;
}

/** Wraps `queueMicrotask` (which a bare realm lacks) so that what it throws is kept. */
export function installMicrotasks(): void {
  const { queueMicrotask } = {
    queueMicrotask(callback: () => void): void {
      if (typeof callback !== "function") throw new TypeError("Cannot queue microtask: a function is wanted");
      const thrown = collector;
      Promise.resolve().then(callback).catch((error: unknown) => thrown.first ??= { error });
    },
  };
  setMethod(globalThis, "queueMicrotask", queueMicrotask);
}
