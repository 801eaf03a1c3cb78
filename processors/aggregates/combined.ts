/** Several named aggregates as one. A single one keeps its state as it is: a count stays a number, which is cheapest. */

import type { Aggregate } from "./aggregate.ts";

/** Name → aggregate. */
export type AggregateSpec<In> = Readonly<Record<string, Aggregate<In, unknown>>>;

/** Name → result. */
export type Aggregated<Spec> = {
  readonly [Name in keyof Spec]: Spec[Name] extends { result(state: unknown): infer Out } ? Out : never;
};

/** Fields that every result of a window has. */
const TAKEN = ["key", "startMs", "endMs", "isFinal", "isRetraction", "isPartial"];

/** One aggregate of all of `spec`. */
export function combine<In>(spec: AggregateSpec<In>): Aggregate<In, Readonly<Record<string, unknown>>> {
  const names = Object.keys(spec);
  const parts = Object.values(spec);
  if (names.length === 0) throw new TypeError("Cannot aggregate: nothing is named, such as { orders: count() }");
  const taken = names.find((name) => TAKEN.includes(name));
  if (taken !== undefined) {
    throw new TypeError(`Cannot call an aggregate ${taken}: results have a field of this name already`);
  }
  if (parts.length === 1) return single(names[0], parts[0]);
  return {
    kind: names.join(", "),
    create: () => parts.map((part) => part.create()),
    add(state, value, timeMs) {
      const states = state as unknown[];
      for (let i = 0; i < parts.length; i++) states[i] = parts[i].add(states[i], value, timeMs);
      return states;
    },
    merge: (a, b) => parts.map((part, i) => part.merge((a as unknown[])[i], (b as unknown[])[i])),
    result(state) {
      const result: Record<string, unknown> = {};
      for (let i = 0; i < parts.length; i++) result[names[i]] = parts[i].result((state as unknown[])[i]);
      return result;
    },
  };
}

function single<In>(name: string, part: Aggregate<In, unknown>): Aggregate<In, Readonly<Record<string, unknown>>> {
  return {
    kind: name,
    create: () => part.create(),
    add: (state, value, timeMs) => part.add(state, value, timeMs),
    merge: (a, b) => part.merge(a, b),
    result: (state) => ({ [name]: part.result(state) }),
  };
}
