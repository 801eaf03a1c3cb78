/**
 * What a processor cannot have, and what it uses instead: one list for the realm, which throws, and for the lint over a
 * bundle, which says so before the run.
 */

import { DeterminismError } from "./intrinsics.ts";

const TIMERS = "use context.timers.set(key, atMs)";
const EFFECT = "register an effect and call context.effect(name, input)";
const STATE = "use context.state";
const NO_HOST = "processors have no access to their host; use an effect";
const BYTES = "use Uint8Array";
const ALONE = "processors are single threaded";
const COLLECTION = "garbage collection is not deterministic";

/** API → what to use instead. */
export const REMOVED: Readonly<Record<string, string>> = {
  WeakRef: COLLECTION,
  FinalizationRegistry: COLLECTION,
  SharedArrayBuffer: "shared memory is not deterministic",
  Atomics: "shared memory is not deterministic",
  WebAssembly: "its floating point results depend on the machine",
  setTimeout: TIMERS,
  setInterval: TIMERS,
  clearTimeout: TIMERS,
  clearInterval: TIMERS,
  setImmediate: "use queueMicrotask",
  requestAnimationFrame: TIMERS,
  scheduler: TIMERS,
  fetch: EFFECT,
  WebSocket: EFFECT,
  EventSource: EFFECT,
  XMLHttpRequest: EFFECT,
  Request: EFFECT,
  Response: EFFECT,
  Headers: EFFECT,
  FormData: EFFECT,
  performance: "use context.now; the engine measures real time",
  Deno: NO_HOST,
  process: NO_HOST,
  require: "use import",
  module: "use import and export",
  Buffer: BYTES,
  Blob: BYTES,
  File: BYTES,
  Worker: ALONE,
  BroadcastChannel: ALONE,
  MessageChannel: ALONE,
  postMessage: "return outputs, or call context.emit(output)",
  navigator: "facts about the machine are not deterministic",
  location: "facts about the machine are not deterministic",
  localStorage: STATE,
  sessionStorage: STATE,
  indexedDB: STATE,
  caches: STATE,
  self: "use globalThis",
  window: "use globalThis",
  alert: "use console.log",
  prompt: EFFECT,
  confirm: EFFECT,
  importScripts: "use import",
};

/** Removed globals that libraries probe with `typeof` to find out where they run; those answer "undefined" as they should. */
export const PROBED: ReadonlySet<string> = new Set([
  "process",
  "Deno",
  "Buffer",
  "require",
  "module",
  "window",
  "self",
  "navigator",
  "location",
]);

/** A failed look-up of a global that only exists outside, told as what it is; other errors stay as they are. */
export function explainMissing(error: unknown): unknown {
  if (!(error instanceof ReferenceError)) return error;
  const [, api] = /^(\w+) is not defined$/.exec(error.message) ?? [];
  return api !== undefined && PROBED.has(api) ? new DeterminismError(api, REMOVED[api]) : error;
}

/** Makes every removed API throw a `DeterminismError` when it is touched. */
export function installRemoved(): void {
  for (const [api, advice] of Object.entries(REMOVED)) {
    if (PROBED.has(api)) continue;
    Object.defineProperty(globalThis, api, {
      configurable: false,
      enumerable: false,
      get() {
        throw new DeterminismError(api, advice);
      },
    });
  }
}
