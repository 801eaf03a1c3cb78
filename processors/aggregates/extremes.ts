/** `min` and `max`: of numbers, or of text by its code units. */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";

/** What has an order. */
export type Ordered = number | string;

/** The least value; null without one. */
export function min<In, V extends Ordered>(of: (value: In) => V | null | undefined): Aggregate<In, V | null> {
  return extreme("min", of, (a, b) => a < b);
}

/** The greatest value; null without one. */
export function max<In, V extends Ordered>(of: (value: In) => V | null | undefined): Aggregate<In, V | null> {
  return extreme("max", of, (a, b) => a > b);
}

function extreme<In, V extends Ordered>(
  kind: string,
  of: (value: In) => V | null | undefined,
  isBetter: (a: V, b: V) => boolean,
): Aggregate<In, V | null> {
  const better = (a: V | null, b: V | null): V | null => a === null ? b : b !== null && isBetter(b, a) ? b : a;
  return aggregate<In, V | null, V | null>({
    kind,
    create: () => null,
    add(state, value) {
      const found = of(value);
      return isAbsent(found) ? state : better(state, found);
    },
    merge: better,
    result: (state) => state,
  });
}
