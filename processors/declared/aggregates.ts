/** Aggregates of declared pipelines: `count`, `{ sum: cents }`, `{ top: { n: 3, by: cents, of: id } }`. */

import type { Aggregate } from "../aggregates/aggregate.ts";
import { collect, distinct, topN } from "../aggregates/collect.ts";
import type { AggregateSpec } from "../aggregates/combined.ts";
import { count } from "../aggregates/count.ts";
import { max, min, type Ordered } from "../aggregates/extremes.ts";
import { first, last } from "../aggregates/first_last.ts";
import { histogram } from "../aggregates/histogram.ts";
import { distinctApproximately } from "../aggregates/hyper_log_log.ts";
import { exactSumText, mean, sum } from "../aggregates/sum.ts";
import type { Numeric } from "../aggregates/decimal.ts";
import { quantiles } from "../aggregates/t_digest.ts";
import { correlation, deviation, variance } from "../aggregates/variance.ts";
import { compileNumber, compileValue } from "./expression.ts";

type Options = Readonly<Record<string, unknown>>;

const of = <V>(expression: unknown) => {
  const compute = compileValue(String(expression));
  return (value: unknown): V => compute(value) as V;
};
const number = (expression: unknown) => compileNumber(String(expression));

/** Aggregate → how it is made from what is written beside its name. */
const AGGREGATES: Readonly<Record<string, (options: unknown) => Aggregate<unknown, unknown>>> = {
  count: (expression) => expression === null ? count() : count(of(expression)),
  sum: (expression) => sum(of<Numeric | null>(expression)),
  "exact-sum": (expression) => exactSumText(of<Numeric | null>(expression)),
  mean: (expression) => mean(of<Numeric | null>(expression)),
  min: (expression) => min(of<Ordered | null>(expression)),
  max: (expression) => max(of<Ordered | null>(expression)),
  first: (expression) => first(of(expression)),
  last: (expression) => last(of(expression)),
  variance: (expression) => variance(number(expression)),
  deviation: (expression) => deviation(number(expression)),
  distinct: (expression) => distinct(of<string | null>(expression)),
  "distinct-approximately": (expression) => distinctApproximately(of<string | null>(expression)),
  collect: (options) => {
    const { of: each, max: most } = (typeof options === "object" ? options : { of: options }) as Options;
    return collect(of(each), most === undefined ? {} : { max: Number(most) });
  },
  top: (options) => {
    const { n, by, of: each = "value" } = options as Options;
    return topN(Number(n), of<Ordered>(by), of(each));
  },
  quantiles: (options) => {
    const { of: each, at } = options as Options;
    return quantiles(number(each), at as number[]);
  },
  histogram: (options) => {
    const { of: each, bounds } = options as Options;
    return histogram(number(each), bounds as number[]);
  },
  correlation: (options) => {
    const [x, y] = options as readonly unknown[];
    return correlation(number(x), number(y));
  },
};

/** The names of all aggregates. */
export const AGGREGATE_NAMES: readonly string[] = Object.keys(AGGREGATES);

/** Makes the aggregates of `spec`: name → `count`, or `{ aggregate: options }`. */
export function declaredAggregates(spec: Options): AggregateSpec<unknown> {
  return Object.fromEntries(
    Object.entries(spec).map(([name, each]) => {
      const [[kind, options] = [], ...others] = typeof each === "string"
        ? [[each, null]]
        : Object.entries(each as Options);
      if (kind === undefined || others.length > 0) {
        throw new TypeError(`Cannot aggregate ${name}: one aggregate is wanted, such as { sum: cents }`);
      }
      return [name, AGGREGATES[String(kind)](options)];
    }),
  );
}
