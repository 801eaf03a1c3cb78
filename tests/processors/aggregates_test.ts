/** Aggregates against naive computation over all values, added in any order and merged from any parts. */

import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Aggregate,
  collect,
  correlation,
  count,
  deviation,
  distinct,
  distinctApproximately,
  exactSumText,
  first,
  histogram,
  last,
  max,
  mean,
  min,
  quantiles,
  sum,
  topN,
  variance,
} from "../../pipeline.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 13);
console.log(`seed ${SEED}`);

/** What an aggregate makes of parts that are added one by one and then merged; its state goes through JSON each time. */
function resultOf<In, Out>(
  aggregate: Aggregate<In, Out>,
  parts: readonly (readonly In[])[],
  timeOf = (i: number) => i,
): Out {
  const json = (state: unknown) => JSON.parse(JSON.stringify(state));
  let at = 0;
  const states = parts.map((values) =>
    values.reduce<unknown>((state, value) => json(aggregate.add(state, value, timeOf(at++))), aggregate.create())
  );
  return aggregate.result(states.reduce((a, b) => json(aggregate.merge(a, b))));
}

const parts = <T>(value: fc.Arbitrary<T>) =>
  fc.array(fc.array(value, { maxLength: 12 }), { minLength: 1, maxLength: 5 });

function check<T>(value: fc.Arbitrary<T>, holds: (parts: readonly (readonly T[])[], all: readonly T[]) => void): void {
  fc.assert(fc.property(parts(value), (each) => holds(each, each.flat())), { seed: SEED, numRuns: 300 });
}

const cents = fc.integer({ min: -100_000, max: 100_000 });
const decimal = fc.tuple(cents, fc.constantFrom(0, 1, 2, 3)).map(([digits, scale]) => Number(`${digits}e-${scale}`));

Deno.test("count, min, max: as over all values", () => {
  check(fc.option(cents), (each, all) => {
    const present = all.filter((value) => value !== null);
    assertEquals(resultOf(count<number | null>(), each), all.length);
    assertEquals(resultOf(count<number | null>((value) => value), each), present.length);
    assertEquals(resultOf(min((value: number | null) => value), each), present.length ? Math.min(...present) : null);
    assertEquals(resultOf(max((value: number | null) => value), each), present.length ? Math.max(...present) : null);
  });
});

Deno.test("sums of decimals are exact, in any order: 0.1 + 0.2 is 0.3", () => {
  assertEquals(resultOf(sum((value: number) => value), [[0.1, 0.2]]), 0.3);
  assertEquals(resultOf(sum((value: number) => value), [new Array<number>(10_000).fill(0.1)]), 1000);
  check(decimal, (each, all) => {
    const thousandths = all.reduce((total, value) => total + BigInt(Math.round(value * 1000)), 0n);
    assertEquals(resultOf(sum((value: number) => value), each), Number(thousandths) / 1000);
    assertEquals(resultOf(sum((value: number) => value), [all.toReversed()]), Number(thousandths) / 1000);
  });
});

Deno.test("sums of whole numbers are exact beyond what a number can say", () => {
  check(fc.bigInt({ min: -(10n ** 30n), max: 10n ** 30n }), (each, all) => {
    const total = all.reduce((sum, value) => sum + value, 0n);
    assertEquals(resultOf(exactSumText((value: bigint) => value), each), String(total));
    assertEquals(resultOf(exactSumText((value: bigint) => String(value)), each), String(total));
  });
  const big = Number.MAX_SAFE_INTEGER;
  assertEquals(resultOf(exactSumText((value: number) => value), [[big, big, 1, -big]]), String(big + 1));
  assertEquals(resultOf(exactSumText((value: string) => value), [["1e3", "0.05", "-0.05"]]), "1000");
});

Deno.test("what is no number is refused by sums", () => {
  assertThrows(() => resultOf(sum((value: string) => value), [["12,5"]]), TypeError, "12,5");
  assertThrows(() => resultOf(sum((value: number) => value), [[NaN]]), TypeError, "NaN");
  assertThrows(() => resultOf(variance((value: number) => value), [[Infinity]]), TypeError, "Infinity");
});

Deno.test("mean, variance and deviation are those of all values, also far from zero", () => {
  check(cents.map((value) => 1e9 + value / 100), (each, all) => {
    const middle = all.reduce((total, value) => total + value, 0) / all.length;
    const found = resultOf(mean((value: number) => value), each);
    if (all.length === 0) return assertEquals(found, null);
    assertAlmostEquals(found!, middle, 1e-6);
    const squares = all.reduce((total, value) => total + (value - middle) ** 2, 0);
    const spread = resultOf(variance((value: number) => value), each);
    if (all.length < 2) return assertEquals(spread, null);
    assertAlmostEquals(spread!, squares / (all.length - 1), Math.max(1e-3, squares * 1e-6));
    assertAlmostEquals(resultOf(deviation((value: number) => value), each)!, Math.sqrt(spread!), 1e-9);
  });
});

Deno.test("correlation is Pearson's; a constant series has none, whatever its level", () => {
  const pair = fc.tuple(cents, cents);
  check(pair, (each, all) => {
    const found = resultOf(correlation(([x]: [number, number]) => x, ([, y]) => y), each);
    const mid = (i: 0 | 1) => all.reduce((total, value) => total + value[i], 0) / all.length;
    const [mx, my] = [mid(0), mid(1)];
    const products = all.reduce((total, [x, y]) => total + (x - mx) * (y - my), 0);
    const spread = (m: number, i: 0 | 1) => Math.sqrt(all.reduce((total, value) => total + (value[i] - m) ** 2, 0));
    if (all.length < 2 || spread(mx, 0) === 0 || spread(my, 1) === 0) return assertEquals(found, null);
    assertAlmostEquals(found!, products / spread(mx, 0) / spread(my, 1), 1e-6);
  });
  for (const level of [0, 0.1, 1e9 + 0.1]) {
    const constant = Array.from({ length: 100 }, (_, i): [number, number] => [level, i]);
    assertEquals(
      resultOf(correlation(([x]: [number, number]) => x, ([, y]) => y), [constant.slice(0, 33), constant]),
      null,
    );
  }
});

Deno.test("first and last go by time; of equal times the first and the last to come", () => {
  check(cents, (each, all) => {
    const timeOf = (i: number) => (i * 7919) % 5;
    const order = all.map((value, i) => ({ value, i, at: timeOf(i) }));
    const sorted = order.toSorted((a, b) => a.at - b.at || a.i - b.i);
    assertEquals(resultOf(first((value: number) => value), each, timeOf), sorted[0]?.value ?? null);
    assertEquals(resultOf(last((value: number) => value), each, timeOf), sorted.at(-1)?.value ?? null);
  });
});

Deno.test("collect, distinct and top keep what they say, and no more than they may", () => {
  check(fc.nat(20), (each, all) => {
    assertEquals(resultOf(collect((value: number) => value), each), all);
    assertEquals(resultOf(distinct((value: number) => value), each), new Set(all).size);
    const ranked = all.map((value, i) => ({ value, i })).sort((a, b) => b.value - a.value || a.i - b.i).slice(0, 3);
    const numbered = each.map((values) => values.map((value) => value));
    assertEquals(
      resultOf(topN(3, (value: number) => value, (value) => value), numbered),
      ranked.map(({ value }) => value),
    );
  });
  assertThrows(() => resultOf(collect((value: number) => value, { max: 2 }), [[1, 2], [3]]), RangeError, "more than 2");
  assertThrows(
    () => resultOf(distinct((value: number) => value, { max: 2 }), [[1, 2, 2, 3]]),
    RangeError,
    "more than 2",
  );
});

Deno.test("a histogram counts what is below, between and above its bounds", () => {
  check(fc.integer({ min: -5, max: 25 }), (each, all) => {
    const bounds = [0, 10, 20];
    const edges = [-Infinity, ...bounds, Infinity];
    const expected = edges.slice(1).map((high, i) => all.filter((value) => value >= edges[i] && value < high).length);
    assertEquals(resultOf(histogram((value: number) => value, bounds), each), expected);
  });
  assertThrows(() => histogram((value: number) => value, [1, 1]), TypeError, "rising");
});

Deno.test("approximate distinct counts are within five percent, however they are merged", () => {
  for (const n of [0, 1, 10, 300, 5000, 100_000]) {
    const aggregate = distinctApproximately((value: number) => `user-${value}`);
    const [even, odd] = [0, 1].map((rest) =>
      Array.from({ length: n }, (_, i) => i).filter((i) => i % 2 === rest).flatMap((i) => [i, i])
        .reduce<unknown>((state, value) => aggregate.add(state, value, 0), aggregate.create())
    );
    const found = aggregate.result(aggregate.merge(even, odd));
    assert(Math.abs(found - n) <= n * 0.05, `${n}: ${found}`);
    assert(JSON.stringify(odd).length < 6000);
  }
});

Deno.test("quantiles are near those of all values, and exact at both ends", () => {
  let seed = SEED;
  const random = () => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) / 2 ** 32;
  for (const n of [1, 5, 1000, 50_000]) {
    const values = Array.from({ length: n }, () => random() ** 3 * 1000);
    const aggregate = quantiles((value: number) => value, [0, 0.5, 0.99, 1]);
    const half = n >> 1;
    const states = [values.slice(0, half), values.slice(half)].map((part) =>
      part.reduce<unknown>((state, value) => aggregate.add(state, value, 0), aggregate.create())
    );
    const found = aggregate.result(aggregate.merge(states[0], states[1]));
    const sorted = values.toSorted((a, b) => a - b);
    assertEquals([found.p0, found.p100], [sorted[0], sorted.at(-1)]);
    for (const [name, q, within] of [["p50", 0.5, 0.02], ["p99", 0.99, 0.005]] as const) {
      const rank = sorted.findIndex((value) => value >= found[name]!) / n;
      assert(n < 100 || Math.abs(rank - q) < within, `${n}: ${name} is ${found[name]}, of rank ${rank}`);
    }
    assert(JSON.stringify(states[1]).length < 12_000, `${JSON.stringify(states[1]).length}`);
  }
  assertEquals(resultOf(quantiles((value: number) => value, [0.5]), [[]]), { p50: null });
});
