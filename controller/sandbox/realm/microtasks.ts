/** A throw inside `queueMicrotask` reaches no handler on its own; here it fails the task. */

import { setMethod } from "./intrinsics.ts";

let firstError: { readonly error: unknown } | undefined;

/** Wraps `queueMicrotask` (which a bare realm lacks) so that what it throws is kept. */
export function installMicrotasks(): void {
  const { queueMicrotask } = {
    queueMicrotask(callback: () => void): void {
      if (typeof callback !== "function") throw new TypeError("Cannot queue microtask: a function is wanted");
      Promise.resolve().then(callback).catch((error: unknown) => firstError ??= { error });
    },
  };
  setMethod(globalThis, "queueMicrotask", queueMicrotask);
}

/** Takes the first error that a microtask threw since the last call. */
export function takeMicrotaskError(): { readonly error: unknown } | undefined {
  const error = firstError;
  firstError = undefined;
  return error;
}
