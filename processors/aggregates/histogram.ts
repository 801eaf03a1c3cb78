/** `histogram`: how many values fall between given bounds. */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";

/** One count more than `bounds`: below the first, from each bound up to the next, from the last on. */
export function histogram<In>(
  of: (value: In) => number | null | undefined,
  bounds: readonly number[],
): Aggregate<In, readonly number[]> {
  if (bounds.length === 0 || bounds.some((bound, i) => !Number.isFinite(bound) || bound <= bounds[i - 1])) {
    throw new TypeError(`Cannot use histogram bounds ${JSON.stringify(bounds)}: rising numbers are wanted`);
  }
  return aggregate<In, readonly number[], number[]>({
    kind: "histogram",
    create: () => new Array<number>(bounds.length + 1).fill(0),
    add(state, value) {
      const found = of(value);
      if (isAbsent(found)) return state;
      const next = bounds.findIndex((bound) => found < bound);
      state[next < 0 ? bounds.length : next]++;
      return state;
    },
    merge: (a, b) => a.map((n, i) => n + b[i]),
    result: (state) => state,
  });
}
