/** `count`: how many. */

import { type Aggregate, aggregate } from "./aggregate.ts";

/** How many values there are; with `of`, those for which it answers something. */
export function count<In>(of?: (value: In) => unknown): Aggregate<In, number> {
  return aggregate<In, number, number>({
    kind: "count",
    create: () => 0,
    add: of ? (state, value) => isAbsent(of(value)) ? state : state + 1 : (state) => state + 1,
    merge: (a, b) => a + b,
    result: (state) => state,
  });
}

/** Whether a field has nothing to say; aggregates pass over it, as in SQL. */
export function isAbsent(value: unknown): value is null | undefined {
  return value === null || value === undefined;
}
