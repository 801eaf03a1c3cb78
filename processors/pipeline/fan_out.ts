/** Several takers of one stream. */

import type { Stage } from "./operator.ts";

/** Each element goes to all, in the order in which they were written. */
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

/** Elements go to `down` alone, the watermark goes to the side streams first. */
export function withSides<T>(down: Stage<T>, sides: readonly Stage<unknown>[]): Stage<T> {
  return {
    push: (value, key, timeMs) => down.push(value, key, timeMs),
    advance(watermarkMs) {
      for (const side of sides) side.advance(watermarkMs);
      down.advance(watermarkMs);
    },
  };
}
