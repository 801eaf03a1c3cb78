/**
 * Parameters of a processor: JSON values from `--set name=value`, fixed before its modules are evaluated.
 *
 * They are written into the bundle, so they are part of the code's identity, and the journal keeps them.
 */

let current: Readonly<Record<string, unknown>> = {};

/** Fixes the parameters; for bundles, before the processor's modules. */
export function setParameters(values: Readonly<Record<string, unknown>>): void {
  current = values;
}

/**
 * The parameters the processor was started with: `--set name=value`, each JSON where it is JSON, text otherwise.
 *
 * @example
 * ```ts
 * import { parameters } from "@sluice/sluice/processor";
 *
 * const { currency = "EUR" } = parameters();
 * console.assert(currency === "EUR");
 * ```
 */
export function parameters(): Readonly<Record<string, unknown>> {
  return current;
}
