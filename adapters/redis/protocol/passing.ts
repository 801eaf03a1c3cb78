/** Which errors may be gone at the next attempt, and which of them say that nothing was done. */

import { OutcomeUnknown } from "./connection.ts";
import { RedisError } from "./resp.ts";

/**
 * The server refused before it did anything, and will not for ever: it is starting, busy, full, no master (any more), or
 * another one has the key now. NOSCRIPT: it was restarted, or is another one, and does not know the script.
 */
const NOT_NOW: ReadonlySet<string> = new Set([
  ...["MOVED", "ASK", "TRYAGAIN", "CLUSTERDOWN", "READONLY", "MASTERDOWN", "NOREPLICAS", "UNBLOCKED"],
  ...["LOADING", "BUSY", "NOSCRIPT", "OOM", "MISCONF"],
]);

/** Whether the server said that it did nothing, for now. */
export function isRefusedForNow(error: unknown): error is RedisError {
  return error instanceof RedisError && NOT_NOW.has(error.code);
}

/** Whether another attempt may work, after another connection was made. */
export function isPassing(error: unknown): boolean {
  return isRefusedForNow(error) || error instanceof OutcomeUnknown || error instanceof NoServer;
}

/** No server could be reached, or none of them is a master. */
export class NoServer extends Error {
  override readonly name = "NoServer";
  readonly code = "E_REDIS_UNREACHABLE";
}
