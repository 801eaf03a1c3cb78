/** `flatMap`: any number of values for each. Key and time stay, values come in the order given; nothing is remembered. */

import type { Operator } from "../pipeline/operator.ts";
import type { Place } from "./map.ts";

/** Makes any number of values of each. */
export function flatMap<In, Out>(change: (value: In, place: Place) => Iterable<Out>): Operator<In, Out> {
  return {
    kind: "flat-map",
    open: (_, down) => ({
      push(value, key, timeMs) {
        for (const each of change(value, { key, timeMs })) down.push(each, key, timeMs);
      },
      advance: (watermarkMs) => down.advance(watermarkMs),
    }),
  };
}
