/** `collect`, `distinct` and `topN`: aggregates that keep values. What they keep is bounded; beyond, they fail. */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";
import type { Ordered } from "./extremes.ts";

/** How many values may be kept. */
export interface KeptOptions {
  /** How many at most; one more fails. @default {1000} */
  readonly max?: number;
}

const KEPT_MAX = 1000;

/** All values, in the order in which they came. */
export function collect<In, V>(
  of: (value: In) => V,
  { max = KEPT_MAX }: KeptOptions = {},
): Aggregate<In, readonly V[]> {
  return aggregate<In, readonly V[], V[]>({
    kind: "collect",
    create: () => [],
    add: (state, value) => bounded([...state, of(value)], max, "collect"),
    merge: (a, b) => bounded([...a, ...b], max, "collect"),
    result: (state) => state,
  });
}

/** How many different values there are, exactly; see `distinctApproximately` for many. */
export function distinct<In>(
  of: (value: In) => string | number | boolean | null | undefined,
  { max = KEPT_MAX }: KeptOptions = {},
): Aggregate<In, number> {
  return aggregate<In, number, (string | number | boolean)[]>({
    kind: "distinct",
    create: () => [],
    add(state, value) {
      const found = of(value);
      return isAbsent(found) || state.includes(found) ? state : bounded([...state, found], max, "distinct");
    },
    merge: (a, b) => bounded([...new Set([...a, ...b])], max, "distinct"),
    result: (state) => state.length,
  });
}

/** The `n` values with the greatest `by`, greatest first; of equal ones, those that came first. */
export function topN<In, V>(n: number, by: (value: In) => Ordered, of: (value: In) => V): Aggregate<In, readonly V[]> {
  if (!Number.isInteger(n) || n < 1) throw new TypeError(`Cannot keep the top ${n}: a whole number from 1 is wanted`);
  const best = (ranked: readonly Ranked<V>[]): Ranked<V>[] =>
    ranked.toSorted(([a], [b]) => a < b ? 1 : a > b ? -1 : 0).slice(0, n);
  return aggregate<In, readonly V[], Ranked<V>[]>({
    kind: "top",
    create: () => [],
    add: (state, value) => best([...state, [by(value), of(value)]]),
    merge: (a, b) => best([...a, ...b]),
    result: (state) => state.map(([, value]) => value),
  });
}

type Ranked<V> = readonly [rank: Ordered, value: V];

function bounded<V>(values: V[], max: number, kind: string): V[] {
  if (values.length <= max) return values;
  throw new RangeError(`Cannot ${kind} more than ${max} values of one key and window: raise max, or use a sketch`);
}
