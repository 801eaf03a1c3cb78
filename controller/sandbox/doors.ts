/**
 * Closes what a Web Worker without permissions still has open: it reaches the main thread, the disk or the network
 * (reference/determinism.md, 1.2). The realm inside cannot reach these globals; this is for the day it can.
 */

const DOORS = [
  "BroadcastChannel",
  "caches",
  "Worker",
  "fetch",
  "WebSocket",
  "EventSource",
  "indexedDB",
  "localStorage",
];

/** Deletes the globals that lead out of the sandbox. */
export function closeDoors(): void {
  for (const name of DOORS) Reflect.deleteProperty(globalThis, name);
}
