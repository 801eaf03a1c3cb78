/** Joins against oracles that see all records at once: out of order, late, of equal time, under any split, with crashes. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  asOfJoin,
  branch,
  hopping,
  intervalJoin,
  type JoinKind,
  joinTree,
  json,
  pipeline,
  tableJoin,
  tumbling,
  windowJoin,
} from "../../pipeline.ts";
import { assertSameUnder, feedings, runPipeline, type TestElement, unordered } from "../support/pipelines.ts";

interface Item {
  readonly n: number;
  readonly at: number;
}

type Pair = readonly [left: number | null, right: number | null];

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 12);
console.log(`seed ${SEED}`);
const RUNS = 200;

interface Case {
  readonly latenessMs: number;
  readonly elements: readonly (TestElement<Item> & { readonly value: Item; readonly input: string })[];
}

/** Items of two inputs and two keys in two partitions each; times are close, often equal, and go back now and then. */
const cases: fc.Arbitrary<Case> = fc.record({
  latenessMs: fc.constantFrom(0, 6, 40),
  elements: fc.array(
    fc.record({
      input: fc.constantFrom("left", "right"),
      key: fc.constantFrom("ann", "bob"),
      partition: fc.constantFrom("0", "0", "1"),
      step: fc.constantFrom(0, 0, 1, 2, 5, 9, -3, -15),
    }),
    { maxLength: 40 },
  ).map((steps) => {
    let at = 1000;
    return steps.map(({ step, ...rest }, n) => ({ ...rest, value: { n, at: at += step } }));
  }),
});

/** Where the watermark of the join is when each element comes: that of the input which is behind. */
function watermarks({ elements, latenessMs }: Case, grainMs: number): readonly number[] {
  const highest = new Map<string, Map<string, number>>();
  const inputs = new Map([["left", -Infinity], ["right", -Infinity]]);
  return elements.map(({ input, partition = "0", value: { at } }) => {
    if (!highest.has(input)) highest.set(input, new Map());
    const partitions = highest.get(input)!;
    partitions.set(partition, Math.max(partitions.get(partition) ?? -Infinity, at));
    const lowest = Math.min(...partitions.values());
    inputs.set(input, Math.max(inputs.get(input)!, Math.floor((lowest - latenessMs) / grainMs) * grainMs));
    return Math.min(...inputs.values());
  });
}

const options = (latenessMs: number) => ({ time: ({ at }: Item) => at, lateness: latenessMs });

interface Split {
  readonly lefts: Case["elements"];
  readonly rights: Case["elements"];
  readonly late: readonly number[];
}

function split(each: Case, isLate: (at: number, watermarkMs: number) => boolean, grainMs: number): Split {
  const marks = watermarks(each, grainMs);
  const taken = each.elements.filter(({ value }, i) => !isLate(value.at, marks[i]));
  return {
    lefts: taken.filter(({ input }) => input === "left"),
    rights: taken.filter(({ input }) => input === "right"),
    late: each.elements.filter(({ value }, i) => isLate(value.at, marks[i])).map(({ value }) => value.n),
  };
}

/** All pairs that match, and those that have no partner, where they count. */
function pairs({ lefts, rights }: Split, kind: JoinKind, isPair: (left: Item, right: Item) => boolean): string[] {
  const found: Pair[] = [];
  for (const left of lefts) {
    for (const right of rights) {
      if (left.key === right.key && isPair(left.value, right.value)) found.push([left.value.n, right.value.n]);
    }
  }
  const alone = (all: Case["elements"], side: 0 | 1) =>
    all.map(({ value }) => value.n).filter((n) => !found.some((pair) => pair[side] === n));
  if (kind !== "inner") found.push(...alone(lefts, 0).map((n): Pair => [n, null]));
  if (kind === "outer") found.push(...alone(rights, 1).map((n): Pair => [null, n]));
  return found.map((pair) => JSON.stringify(pair)).sort();
}

const combine = (left: Item | null, right: Item | null): Pair => [left?.n ?? null, right?.n ?? null];

for (const kind of ["inner", "left", "outer"] as const) {
  for (const [before, after] of [[5, 5], [0, 8], [12, 4]]) {
    Deno.test(`interval join, ${kind}, [-${before}, +${after}]: the pairs of an oracle, equal keys and times included`, async () => {
      const divisor = (a: number, b: number): number => b === 0 ? a : divisor(b, a % b);
      const property = fc.asyncProperty(
        cases.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
        async ([each, feeding]) => {
          const make = () =>
            pipeline("join", ({ from }) =>
              from("left", json<Item>(), options(each.latenessMs))
                .join(
                  from("right", json<Item>(), options(each.latenessMs)),
                  intervalJoin({ before, after, kind, combine }),
                  {
                    late: (late) => late.to("late", json()),
                  },
                )
                .to(json()));
          const ran = await assertSameUnder(make, each.elements, feeding);
          const grainMs = [before, after, each.latenessMs].reduce(divisor, Math.max(before, after));
          const expected = split(each, (at, watermarkMs) => at < watermarkMs, grainMs);
          const isPair = (left: Item, right: Item) => right.at >= left.at - before && right.at <= left.at + after;
          assertEquals(unordered(ran), pairs(expected, kind, isPair));
          assertEquals(unordered(ran, "late"), lateOf(each, expected.late));
        },
      );
      await fc.assert(property, { numRuns: RUNS, seed: SEED });
    });
  }

  Deno.test(`window join, ${kind}: all pairs of a window`, async () => {
    const property = fc.asyncProperty(
      cases.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
      async ([each, feeding]) => {
        const make = () =>
          pipeline("join", ({ from }) =>
            from("left", json<Item>(), options(each.latenessMs))
              .join(
                from("right", json<Item>(), options(each.latenessMs)),
                windowJoin(tumbling(10), { kind, combine }),
                {
                  late: (late) => late.to("late", json()),
                },
              )
              .to(json()));
        const ran = await assertSameUnder(make, each.elements, feeding);
        const windowOf = (at: number) => Math.floor(at / 10);
        const expected = split(each, (at, watermarkMs) => (windowOf(at) + 1) * 10 <= watermarkMs, 1);
        // An element is alone when its key has nobody in its window.
        assertEquals(unordered(ran), pairs(expected, kind, (left, right) => windowOf(left.at) === windowOf(right.at)));
        assertEquals(unordered(ran, "late"), lateOf(each, expected.late));
      },
    );
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  });
}

function lateOf(each: Case, late: readonly number[]): readonly string[] {
  return each.elements.filter(({ value }) => late.includes(value.n)).map(({ value }) => JSON.stringify(value)).sort();
}

for (const within of [undefined, 10]) {
  Deno.test(`as-of join${within ? `, at most ${within} old` : ""}: the latest right element that is not later`, async () => {
    const property = fc.asyncProperty(
      cases.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
      async ([each, feeding]) => {
        const make = () =>
          pipeline("join", ({ from }) =>
            from("left", json<Item>(), options(each.latenessMs))
              .join(
                from("right", json<Item>(), options(each.latenessMs)),
                asOfJoin({ ...(within === undefined ? {} : { within }), combine }),
                { late: (late) => late.to("late", json()) },
              )
              .to(json()));
        const ran = await assertSameUnder(make, each.elements, feeding);
        const { lefts, rights, late } = split(each, (at, watermarkMs) => at < watermarkMs, 1);
        const expected = lefts.map(({ key, value }): Pair => {
          const known = rights.filter((right) => right.key === key && right.value.at <= value.at)
            .filter((right) => right.value.at + (within ?? Infinity) >= value.at);
          const latest = known.reduce<Item | null>(
            (best, right) => best && best.at > right.value.at ? best : right.value,
            null,
          );
          return [value.n, latest?.n ?? null];
        });
        assertEquals(unordered(ran), expected.map((pair) => JSON.stringify(pair)).sort());
        assertEquals(unordered(ran, "late"), lateOf(each, late));
      },
    );
    await fc.assert(property, { numRuns: RUNS, seed: SEED });
  });
}

Deno.test("a table join looks up what the table has when the element comes; null deletes", async () => {
  const make = () =>
    pipeline("lookup", ({ from, table }) =>
      from("left", json<number>())
        .join(table("right", json<string>()), tableJoin({ combine: (n, name) => [n, name] as const }))
        .to(json()));
  const elements: TestElement[] = [
    { input: "left", key: "a", value: 1 },
    { input: "right", key: "a", value: "ann" },
    { input: "left", key: "a", value: 2 },
    { input: "left", key: "b", value: 3 },
    { input: "right", key: "a", value: null },
    { input: "left", key: "a", value: 4 },
  ];
  const { results } = await assertSameUnder(make, elements, { sizes: [1], crashes: [true] });
  assertEquals(results.map(({ value }) => value), [[1, null], [2, "ann"], [3, null], [4, null]]);
});

Deno.test("a table join gives, for each element, the last change of its key before it", async () => {
  const property = fc.asyncProperty(
    cases.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
    fc.constantFrom("inner" as const, "left" as const),
    async ([{ elements }, feeding], kind) => {
      // Every fifth change deletes.
      const given = elements.map((each) =>
        each.input === "right" && each.value.n % 5 === 0 ? { ...each, value: null } : each
      );
      const make = () =>
        pipeline(
          "lookup",
          ({ from, table }) =>
            from("left", json<Item>()).join(table("right", json<Item>()), tableJoin({ kind, combine })).to(json()),
        );
      const { results } = await assertSameUnder(make, given, feeding);
      const expected = given.flatMap(({ input, key, value }, i) => {
        if (input !== "left") return [];
        const change = given.slice(0, i).findLast((other) => other.input === "right" && other.key === key);
        const found = change?.value?.n ?? null;
        return found === null && kind === "inner" ? [] : [[value!.n, found]];
      });
      assertEquals(results.map(({ value }) => value), expected);
    },
  );
  await fc.assert(property, { numRuns: RUNS, seed: SEED });
});

Deno.test("a stream joined with itself has every pair, each element with itself too", async () => {
  const make = () =>
    pipeline("self", ({ from }) => {
      const items = from(json<Item>(), options(0));
      items.join(items, intervalJoin({ within: 3, combine })).to(json());
    });
  const elements = [0, 2, 4].map((at, n) => ({ key: "ann", value: { n, at } }));
  const ran = await assertSameUnder(make, elements, { sizes: [1], crashes: [true] });
  assertEquals(unordered(ran), ["[0,0]", "[0,1]", "[1,0]", "[1,1]", "[1,2]", "[2,1]", "[2,2]"]);
});

interface Step {
  readonly n: number;
  readonly frame: number;
  readonly robot: number;
}

/** Frames, positions of robots in them, and readings of robots: numbers that rise, with some disorder. */
const trees = fc.record({
  slack: fc.constantFrom(0, 2),
  elements: fc.array(
    fc.record({
      input: fc.constantFrom("master", "middle", "leaf"),
      partition: fc.constantFrom("0", "1"),
      step: fc.constantFrom(0, 0, 1, 1, 3, -1, -2),
    }),
    { maxLength: 45 },
  ),
}).map(({ slack, elements }) => {
  const at = new Map<string, { value: number; highest: number }>();
  return {
    slack,
    elements: elements.map(({ input, partition, step }, n) => {
      const lane = `${input}/${partition}`;
      const { value, highest } = at.get(lane) ?? { value: 0, highest: 0 };
      // Within the slack of its partition; across partitions nothing is promised.
      const next = Math.max(value + step, highest - slack, 0);
      at.set(lane, { value: next, highest: Math.max(highest, next) });
      return { input, partition, value: { n, frame: next, robot: Math.floor(next / 2) } };
    }),
  };
});

Deno.test("join tree: every master once with all that belongs to it, equal keys and several partitions included", async () => {
  let whole = 0;
  const property = fc.asyncProperty(
    trees.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
    async ([{ slack, elements }, feeding]) => {
      const middle = branch({ input: 1, left: (own: Step) => own.frame, right: (own: Step) => own.frame, slack });
      const leaf = branch({
        input: 2,
        on: middle,
        left: (own: Step) => own.robot,
        right: (own: Step) => own.frame,
        slack,
      });
      const make = () =>
        pipeline("tree", ({ from }) =>
          from("master", json<Step>())
            .meet(
              [from("middle", json<Step>()), from("leaf", json<Step>())],
              joinTree([middle, leaf], (master: Step, matches) => ({
                n: master.n,
                middles: matches(middle, master).map((own) => ({
                  n: own.n,
                  leaves: matches(leaf, own).map(({ n }) => n).sort((a, b) => a - b),
                })).sort((a, b) => a.n - b.n),
              })),
            ).to(json()));
      const ran = await assertSameUnder(make, elements, feeding);
      // A partition that begins behind what the others have passed is refused: out loud.
      if (ran.failures.length > 0) {
        assert(/lower than what was passed/.test(ran.failures[0]), ran.failures[0]);
        return;
      }
      whole++;
      const of = (input: string) => elements.filter((each) => each.input === input).map(({ value }) => value);
      const expected = of("master").map((master) => ({
        n: master.n,
        middles: of("middle").filter(({ frame }) => frame === master.frame).map((own) => ({
          n: own.n,
          leaves: of("leaf").filter(({ frame }) => frame === own.robot).map(({ n }) => n),
        })),
      }));
      assertEquals(ran.results.map(({ value }) => value), expected);
    },
  );
  await fc.assert(property, { numRuns: 300, seed: SEED });
  assert(whole > 100, `only ${whole} of 300 cases were joined`);
});

Deno.test("join tree forgets what nobody can ask for any more", async () => {
  const right = branch({ input: 1, left: (own: Step) => own.frame, right: (own: Step) => own.frame });
  const make = () =>
    pipeline("tree", ({ from }) =>
      from("master", json<Step>())
        .meet(
          [from("middle", json<Step>())],
          joinTree([right], (master: Step, matches) => matches(right, master).length),
        )
        .to(json()));
  const elements = Array.from({ length: 4000 }, (_, n) => ({
    input: n % 2 === 0 ? "master" : "middle",
    value: { n, frame: n >> 1, robot: 0 },
  }));
  const { results, stateKeysMax } = await runPipeline(make, elements, { sizes: [7], crashes: [false, true] });
  assertEquals(results.length, 2000);
  assert(results.every(({ value }) => value === 1));
  assert(stateKeysMax < 100, `${stateKeysMax} entries`);
});

Deno.test("the state of joins by time stays flat over ten times the interval", async () => {
  const operators = [
    intervalJoin({ within: 50, combine }),
    windowJoin(tumbling(50), { combine }),
    asOfJoin({ within: 50, combine }),
  ];
  for (const operator of operators) {
    const make = () =>
      pipeline(
        "flat",
        ({ from }) =>
          from("left", json<Item>(), options(10)).join(from("right", json<Item>(), options(10)), operator).to(json()),
      );
    const elements = Array.from({ length: 2000 }, (_, n) => ({
      input: n % 2 === 0 ? "left" : "right",
      key: `key-${n % 100}`,
      value: { n, at: 1000 + n },
    }));
    const first = await runPipeline(make, elements.slice(0, 200), { sizes: [1], ends: false });
    const whole = await runPipeline(make, elements, { sizes: [1] });
    assert(
      whole.stateKeysMax <= first.stateKeysMax + 20,
      `${operator.detail}: ${first.stateKeysMax}, ${whole.stateKeysMax}`,
    );
    assertEquals(whole.stateKeys.filter((key) => key.startsWith("join")), []);
  }
});

Deno.test("joins that cannot be are refused", () => {
  assertThrows(() => windowJoin(hopping(10, 5), { combine }), TypeError, "overlap");
  const middle = branch({ input: 1, left: (n: number) => n, right: (n: number) => n });
  const leaf = branch({ input: 2, on: middle, left: (n: number) => n, right: (n: number) => n });
  assertThrows(() => joinTree([leaf, middle], () => 0), TypeError, "before it");
});
