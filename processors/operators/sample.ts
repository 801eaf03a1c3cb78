/** `sample`: a random share of the elements, the same at every replay. Nothing is remembered. */

import type { Operator } from "../pipeline/operator.ts";

/** Passes each element on with the probability `share`; which ones, the run's seed decides. */
export function sample<T>(share: number): Operator<T, T> {
  if (!(share >= 0 && share <= 1)) {
    throw new TypeError(`Cannot sample a share of ${share}: a number from 0 to 1 is wanted`);
  }
  return {
    kind: "sample",
    detail: String(share),
    open: (scope, down) => ({
      push(value, key, timeMs) {
        if (scope.context.random(scope.name) < share) down.push(value, key, timeMs);
      },
      advance: (watermarkMs) => down.advance(watermarkMs),
    }),
  };
}
