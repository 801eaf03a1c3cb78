/** How the realm changes what the language gives: small tools that leave no trace of their own. */

import { type Ambient, idleAmbient } from "../../../engine/ambient.ts";

/** What the globals of this realm answer from; the engine sets it before each record. */
export const ambient: Ambient = idleAmbient();

/** The one locale and time zone of every processor, wherever it runs. */
export const LOCALE = "en-US";
export const TIME_ZONE = "UTC";

/** A call that cannot be answered the same way twice. */
export class DeterminismError extends Error {
  override readonly name = "DeterminismError";
  readonly code = "E_NONDETERMINISTIC";
  /** The API that was used. */
  readonly api: string;

  constructor(api: string, advice: string) {
    super(`${api} is not available in a processor: ${advice}`);
    this.api = api;
  }
}

/** Logical time, on behalf of `api`. */
export function nowMs(api: string): number {
  if (!ambient.isActive) {
    throw new DeterminismError(api, "no record is being processed; await every promise before process() ends");
  }
  return ambient.nowMs;
}

/** Any function of the language, whatever it takes. */
export type AnyFunction = (...args: never[]) => unknown;

/** Gives `target` the method `name`, as the language's own methods are given: writable, configurable, not enumerable. */
export function setMethod(target: object, name: PropertyKey, method: unknown): void {
  Object.defineProperty(target, name, { value: method, writable: true, configurable: true, enumerable: false });
}

/**
 * Puts `substitute` in the place of the constructor `original` everywhere it can be reached from.
 *
 * `original.prototype.constructor` is such a place: `(new Date).constructor.now()` must not lead to the real clock.
 */
export function replaceConstructor(holder: object, name: string, original: AnyFunction, substitute: AnyFunction): void {
  Object.defineProperty(substitute, "name", { value: name, configurable: true });
  Object.defineProperty(substitute, "length", { value: original.length, configurable: true });
  Object.defineProperty(substitute, "prototype", { value: original.prototype, writable: false });
  setMethod(original.prototype, "constructor", substitute);
  setMethod(holder, name, substitute);
}
