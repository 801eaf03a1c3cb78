/** `merge`: several streams as one, each element when it comes. Use `inOrder` after it for event-time order. */

import type { JunctionOperator } from "../pipeline/operator.ts";

/** Merges streams. */
export function merge<T>(): JunctionOperator<readonly T[], T> {
  return {
    kind: "merge",
    open: (_, down) => ({
      push: (_, value, key, timeMs) => down.push(value as T, key, timeMs),
      advance: (watermarkMs) => down.advance(watermarkMs),
    }),
  };
}
