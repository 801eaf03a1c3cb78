/** `sum` and `mean`, exact: no drift, whatever the order. */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";
import { addExact, type Exact, type Numeric, toNumber, toText } from "./decimal.ts";

/** What a sum adds: absent values count as nothing. */
export type NumericOf<In> = (value: In) => Numeric | null | undefined;

/** The sum, as the nearest number. Decimal text and bigints are added as they are. */
export function sum<In>(of: NumericOf<In>): Aggregate<In, number> {
  return aggregate<In, number, Exact>({ ...exactSum(of), kind: "sum", result: toNumber });
}

/** The sum as decimal text, with all its digits. */
export function exactSumText<In>(of: NumericOf<In>): Aggregate<In, string> {
  return aggregate<In, string, Exact>({ ...exactSum(of), kind: "sum", result: toText });
}

/** The arithmetic mean; null without a value. */
export function mean<In>(of: NumericOf<In>): Aggregate<In, number | null> {
  return aggregate<In, number | null, [Exact, number]>({
    kind: "mean",
    create: () => [0, 0],
    add(state, value) {
      const number = of(value);
      return isAbsent(number) ? state : [addExact(state[0], number), state[1] + 1];
    },
    merge: (a, b) => [addExact(a[0], b[0]), a[1] + b[1]],
    result: ([total, n]) => n === 0 ? null : toNumber(total) / n,
  });
}

function exactSum<In>(of: NumericOf<In>) {
  return {
    create: (): Exact => 0,
    add(state: Exact, value: In): Exact {
      const number = of(value);
      return isAbsent(number) ? state : addExact(state, number);
    },
    merge: (a: Exact, b: Exact): Exact => addExact(a, b),
  };
}
