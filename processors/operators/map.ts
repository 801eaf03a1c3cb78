/** `map`: another value for each. Key, order and time stay; nothing is remembered. */

import type { Key, Operator } from "../pipeline/operator.ts";

/** What a function over elements sees besides the value. */
export interface Place {
  /** What the element is grouped by. */
  readonly key: Key;
  /** Its event time. */
  readonly timeMs: number;
}

/** Makes another value of each. */
export function map<In, Out>(change: (value: In, place: Place) => Out): Operator<In, Out> {
  return {
    kind: "map",
    open: (_, down) => ({
      push: (value, key, timeMs) => down.push(change(value, { key, timeMs }), key, timeMs),
      advance: (watermarkMs) => down.advance(watermarkMs),
    }),
  };
}
