/** `first` and `last` by event time. Of equal times, `first` is the one that came first, `last` the one that came last. */

import { type Aggregate, aggregate } from "./aggregate.ts";

type Timed<V> = readonly [timeMs: number, value: V] | null;

/** The earliest value; null without one. */
export function first<In, V>(of: (value: In) => V): Aggregate<In, V | null> {
  return byTime("first", of, (a, b) => b < a);
}

/** The latest value; null without one. */
export function last<In, V>(of: (value: In) => V): Aggregate<In, V | null> {
  return byTime("last", of, (a, b) => b >= a);
}

function byTime<In, V>(
  kind: string,
  of: (value: In) => V,
  isBetter: (aMs: number, bMs: number) => boolean,
): Aggregate<In, V | null> {
  const better = (a: Timed<V>, b: Timed<V>): Timed<V> => a === null ? b : b !== null && isBetter(a[0], b[0]) ? b : a;
  return aggregate<In, V | null, Timed<V>>({
    kind,
    create: () => null,
    add: (state, value, timeMs) => better(state, [timeMs, of(value)]),
    merge: better,
    result: (state) => state === null ? null : state[1],
  });
}
