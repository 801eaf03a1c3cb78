/** Several takers of one stream: each element goes to all, in the order in which they were written. */

import type { Stage } from "./operator.ts";

/** See the module. */
export function fanOut<T>(stages: readonly Stage<T>[]): Stage<T> {
  return {
    push(value, key, timeMs) {
      for (const stage of stages) stage.push(value, key, timeMs);
    },
    advance(watermarkMs) {
      for (const stage of stages) stage.advance(watermarkMs);
    },
  };
}
