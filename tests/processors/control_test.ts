/** Cleaning and control: dedupe, validation, correction, outliers, limits, alerts, machines, sequences, effects. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  alert,
  asDate,
  asNumber,
  asText,
  changes,
  correct,
  dedupe,
  enrich,
  inOrder,
  json,
  outliers,
  pipeline,
  rateLimit,
  sample,
  sequence,
  split,
  stateMachine,
  type Stream,
  throttle,
  validate,
} from "../../pipeline.ts";
import { assertSameUnder, feedings, runPipeline, type TestElement } from "../support/pipelines.ts";

interface Event {
  readonly at: number;
  readonly n: number;
  readonly what?: string;
}

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 14);
console.log(`seed ${SEED}`);

const events = fc.array(
  fc.record({
    key: fc.constantFrom("ann", "bob"),
    what: fc.constantFrom("a", "b", "c", "d"),
    step: fc.constantFrom(0, 1, 2, 5, 12),
  }),
  { maxLength: 40 },
).map((steps) => {
  let at = 1000;
  return steps.map(({ key, what, step }, n) => ({ key, value: { n, what, at: at += step } }));
});

function through(use: (stream: Stream<Event>) => unknown, lateness = 0) {
  return () => pipeline("p", ({ from }) => use(from(json<Event>(), { time: ({ at }) => at, lateness })));
}

async function check(
  use: (stream: Stream<Event>) => unknown,
  oracle: (
    elements: readonly { readonly key: string; readonly value: Event & { what: string } }[],
  ) => readonly unknown[],
): Promise<void> {
  const property = fc.asyncProperty(
    events.chain((each) => fc.tuple(fc.constant(each), feedings(each.length))),
    async ([elements, feeding]) => {
      const { results, failures } = await assertSameUnder(through(use), elements, feeding);
      assertEquals(failures, []);
      assertEquals(results.map(({ value }) => value), oracle(elements));
    },
  );
  await fc.assert(property, { numRuns: 150, seed: SEED });
}

Deno.test("dedupe passes on what was not passed on within the time", async () => {
  await check(
    (stream) => stream.through(dedupe({ by: ({ what }) => what!, ttl: 10 })).map(({ n }) => n).to(json()),
    (elements) => {
      const passed = new Map<string, number[]>();
      return elements.filter(({ value: { what, at } }) => {
        const times = passed.get(what) ?? [];
        if (times.some((time) => Math.abs(time - at) < 10)) return false;
        passed.set(what, [...times, at]);
        return true;
      }).map(({ value }) => value.n);
    },
  );
});

Deno.test("dedupe keeps no more than twice its time", async () => {
  const make = through((stream) => stream.through(dedupe({ by: ({ n }) => n, ttl: 50 })).map(({ n }) => n).to(json()));
  const elements = Array.from({ length: 3000 }, (_, n) => ({ value: { n, at: n } }));
  const { results, stateKeysMax, stateKeys } = await runPipeline(make, elements, { sizes: [10] });
  assertEquals(results.length, 3000);
  assert(stateKeysMax < 170, `${stateKeysMax} entries`);
  assertEquals(stateKeys.filter((key) => key.startsWith("dedupe")), []);
});

Deno.test("a rate limit lets so many through at once and in the long run, the rest is excess", async () => {
  const make = through((stream) =>
    stream.through(rateLimit({ count: 2, per: 10 }), {
      excess: (excess) => excess.map(({ n }) => n).to("excess", json()),
    })
      .map(({ n }) => n).to(json())
  );
  const times = [0, 0, 0, 4, 5, 6, 100, 100, 100];
  const elements = times.map((at, n) => ({ key: "ann", value: { n, at: 1000 + at } }));
  const { results, stateKeys } = await assertSameUnder(make, elements, { sizes: [1], crashes: [true] });
  assertEquals(results.filter(({ output }) => output === "default").map(({ value }) => value), [0, 1, 4, 6, 7]);
  assertEquals(results.filter(({ output }) => output === "excess").map(({ value }) => value), [2, 3, 5, 8]);
  assertEquals(stateKeys.filter((key) => key.startsWith("rate")), []);
});

Deno.test("a rate limit is a bucket that fills up again evenly", async () => {
  const [size, perMs] = [3, 12];
  await check(
    (stream) => stream.through(rateLimit({ count: size, per: perMs })).map(({ n }) => n).to(json()),
    (elements) => {
      const buckets = new Map<string, { level: number; atMs: number }>();
      return elements.filter(({ key, value: { at } }) => {
        const { level, atMs } = buckets.get(key) ?? { level: size, atMs: at };
        const filled = Math.min(size, level + (at - atMs) * size / perMs);
        const isIn = filled >= 1 - 1e-9;
        buckets.set(key, { level: isIn ? filled - 1 : filled, atMs: at });
        return isIn;
      }).map(({ value }) => value.n);
    },
  );
});

Deno.test("of any stretch of time, a rate limit lets through no more than its count twice over", async () => {
  const make = through((stream) => stream.through(rateLimit({ count: 3, per: 20 })).map(({ at }) => at).to(json()));
  await fc.assert(
    fc.asyncProperty(events, async (elements) => {
      const { results } = await runPipeline(make, elements.map(({ value }) => ({ key: "ann", value })));
      const times = results.map(({ value }) => value as number);
      for (const from of times) assert(times.filter((at) => at >= from && at < from + 20).length <= 6);
    }),
    { seed: SEED },
  );
});

Deno.test("throttle gives the first at once, then the latest of each time, and nothing for a time without any", async () => {
  await check(
    (stream) => stream.through(throttle(10)).map(({ n }) => n).to(json()),
    (elements) => {
      const open = new Map<string, { untilMs: number; latest: number | null }>();
      const given: { at: number; key: string; n: number }[] = [];
      const pass = (watermarkMs: number) => {
        for (;;) {
          const due = [...open].filter(([, { untilMs }]) => untilMs <= watermarkMs)
            .sort(([a, x], [b, y]) => x.untilMs - y.untilMs || (a < b ? -1 : 1))[0];
          if (!due) return;
          const [key, { untilMs, latest }] = due;
          open.delete(key);
          if (latest === null) continue;
          open.set(key, { untilMs: untilMs + 10, latest: null });
          given.push({ at: untilMs, key, n: latest });
        }
      };
      for (const { key, value: { n, at } } of elements) {
        pass(at);
        const known = open.get(key);
        if (known) known.latest = n;
        else {
          open.set(key, { untilMs: at + 10, latest: null });
          given.push({ at, key, n });
        }
      }
      pass(Infinity);
      return given.map(({ n }) => n);
    },
  );
});

Deno.test("a sequence is A, then B within the time, without C in between; what is not whole expires", async () => {
  const make = through((stream) =>
    stream.through(
      sequence<Event>({
        parts: [({ what }) => what === "a", ({ what }) => what === "b"],
        without: ({ what }) => what === "c",
        within: 10,
      }),
      { expired: (expired) => expired.map(({ elements }) => elements.map(({ n }) => n)).to("expired", json()) },
    ).map(({ elements }) => elements.map(({ n }) => n)).to(json())
  );
  await fc.assert(
    fc.asyncProperty(
      events.chain((each) => fc.tuple(fc.constant(each), feedings(each.length))),
      async ([elements, feeding]) => {
        const { results } = await assertSameUnder(make, elements, feeding);
        const [whole, expired]: number[][][] = [[], []];
        elements.forEach(({ key, value }, i) => {
          if (value.what !== "a") return;
          const next = elements.slice(i + 1).find((other) => other.key === key && "bc".includes(other.value.what));
          if (!next || next.value.at > value.at + 10) expired.push([value.n]);
          else if (next.value.what === "b") whole.push([value.n, next.value.n]);
        });
        const given = (name: string) => results.filter(({ output }) => output === name).map(({ value }) => value);
        const sorted = (lists: unknown[]) => lists.map((list) => JSON.stringify(list)).sort();
        assertEquals(sorted(given("default")), sorted(whole));
        assertEquals(sorted(given("expired")), sorted(expired));
      },
    ),
    { numRuns: 200, seed: SEED },
  );
});

Deno.test("a sequence keeps nothing beyond its time", async () => {
  const make = through((stream) =>
    stream.through(sequence<Event>({ parts: [() => true, () => false], within: 20 })).map(() => 0).to(json())
  );
  const elements = Array.from({ length: 1000 }, (_, n) => ({ key: `key-${n % 50}`, value: { n, at: n } }));
  const { stateKeysMax, stateKeys } = await runPipeline(make, elements, { sizes: [5] });
  assert(stateKeysMax < 70, `${stateKeysMax}`);
  assertEquals(stateKeys.filter((key) => key.startsWith("sequence")), []);
});

Deno.test("an incident is raised once when it has looked bad for long enough, and cleared once it looks good", async () => {
  const make = through((stream) =>
    stream.through(alert({ raise: ({ n }) => n > 90, clear: ({ n }) => n < 80, after: 10 }))
      .map(({ kind, sinceMs, value }) => [kind, sinceMs, value.n]).to(json())
  );
  const levels: [number, number][] = [[0, 95], [5, 85], [8, 99], [9, 70], [20, 91], [25, 99], [32, 95], [40, 85], [
    50,
    79,
  ]];
  const elements = levels.map(([at, n]) => ({ key: "disk", value: { n, at } }));
  const { results } = await assertSameUnder(make, elements, { sizes: [1], crashes: [true] });
  // From 0 it looked bad for less than ten; from 20 on it did, and 85 is not good enough.
  assertEquals(results.map(({ value }) => value), [["raised", 20, 91], ["cleared", 20, 79]]);
});

Deno.test("incidents are those of an oracle that looks at the whole history of each key", async () => {
  for (const after of [0, 6]) {
    await check(
      (stream) =>
        stream.through(alert({ raise: ({ what }) => what === "a", clear: ({ what }) => what === "c", after }))
          .map(({ kind, key, sinceMs }) => [kind, key, sinceMs]).to(json()),
      (elements) => {
        const found: { at: number; order: number; key: string; alert: unknown[] }[] = [];
        for (const [key, ofKey] of Map.groupBy(elements, (element) => element.key)) {
          for (let i = 0; i < ofKey.length; i++) {
            if (ofKey[i].value.what !== "a") continue;
            const sinceMs = ofKey[i].value.at;
            const end = ofKey.findIndex(({ value }, j) => j > i && value.what === "c");
            const cleared = end < 0 ? undefined : ofKey[end].value;
            // It was bad for long enough when nothing up to then, or at that very time, cleared it.
            if (after === 0) found.push({ at: sinceMs, order: ofKey[i].value.n, key, alert: ["raised", key, sinceMs] });
            else if (cleared === undefined || cleared.at > sinceMs + after) {
              found.push({ at: sinceMs + after + 1, order: -1, key, alert: ["raised", key, sinceMs] });
            }
            const isRaised = after === 0 || cleared === undefined || cleared.at > sinceMs + after;
            if (cleared && isRaised) {
              found.push({ at: cleared.at, order: cleared.n, key, alert: ["cleared", key, sinceMs] });
            }
            i = end < 0 ? ofKey.length : end;
          }
        }
        // What becomes due at a time comes before the element of that time.
        return found.sort((a, b) => a.at - b.at || a.order - b.order || (a.key < b.key ? -1 : 1)).map(({ alert }) =>
          alert
        );
      },
    );
  }
});

Deno.test("both ends of an incident bear one name, the same in every run", async () => {
  const make = through((stream) => stream.through(alert({ raise: ({ n }) => n > 0 })).to(json()));
  const elements = [1, 2, 0, 3].map((n, at) => ({ key: "disk", value: { n, at } }));
  const { results } = await assertSameUnder(make, elements, { sizes: [2], crashes: [true] });
  const incidents = results.map(({ value }) => value as { kind: string; incident: string });
  assertEquals(incidents.map(({ kind }) => kind), ["raised", "cleared", "raised"]);
  assert(incidents[0].incident === incidents[1].incident && incidents[1].incident !== incidents[2].incident);
});

Deno.test("a machine is the fold of what its key had before, changes are the pairs of what it had", async () => {
  await check(
    (stream) =>
      stream.through(
        stateMachine<Event, readonly string[], string>({
          initial: [],
          on: (seen, { what }) => {
            const state = [...seen, what!];
            return what === "d" ? { state: null, emit: [state.join("")] } : { state };
          },
        }),
      ).to(json()),
    (elements) =>
      elements.flatMap(({ key, value: { what, n } }) => {
        if (what !== "d") return [];
        const before = elements.filter((other) => other.key === key && other.value.n <= n);
        const from = before.slice(0, -1).findLastIndex((other) => other.value.what === "d") + 1;
        return [before.slice(from).map((other) => other.value.what).join("")];
      }),
  );
  await check(
    (stream) =>
      stream.map(({ what }) => what!).through(changes()).map(({ before, after }) => [before, after]).to(json()),
    (elements) =>
      elements.flatMap(({ key, value: { what, n } }) => {
        const before = elements.findLast((other) => other.key === key && other.value.n < n)?.value.what ?? null;
        return before === what ? [] : [[before, what]];
      }),
  );
});

Deno.test("a machine goes from state to state, and forgets keys that are silent", async () => {
  const make = through((stream) =>
    stream.through(
      stateMachine<Event, { seen: number }, number>({
        initial: { seen: 0 },
        on: ({ seen }, { n }) => n < 0 ? { state: null } : { state: { seen: seen + 1 }, emit: [seen + 1] },
        ttl: 100,
      }),
    ).to(json())
  );
  const elements = [[0, 1], [10, 1], [20, -1], [30, 1], [500, 1]].map(([at, n]) => ({ key: "ann", value: { n, at } }));
  const { results } = await assertSameUnder(make, elements, { sizes: [1], crashes: [true] });
  assertEquals(results.map(({ value }) => value), [1, 2, 1, 1]);
});

Deno.test("outliers are taken out, clamped, and do not count among what others are compared with", async () => {
  for (const method of ["z-score", "iqr", "mad"] as const) {
    const numbers = [...Array.from({ length: 20 }, (_, i) => 100 + i % 5), 1000, 101, 1000, -500, 104];
    const elements = numbers.map((n, at) => ({ key: "sensor", value: { n, at } }));
    const taken = through((stream) =>
      stream.through(outliers({ of: ({ n }) => n, method, over: 20 }), {
        outliers: (found) => found.map(({ number }) => number).to("outliers", json()),
      }).map(({ n }) => n).to(json())
    );
    const { results } = await assertSameUnder(taken, elements, { sizes: [3], crashes: [true] });
    const found = results.filter(({ output }) => output === "outliers").map(({ value }) => value);
    assertEquals(found, [1000, 1000, -500], method);
    const clamped = through((stream) =>
      stream.through(outliers({ of: ({ n }) => n, method, clamp: (value, n) => ({ ...value, n }) })).map(({ n }) => n)
        .to(json())
    );
    const { results: all } = await runPipeline(clamped, elements);
    assertEquals(all.length, numbers.length);
    assert(all.every(({ value }) => Math.abs(value as number - 102) < 10), method);
  }
});

Deno.test("outliers are those of an oracle over the numbers before each", async () => {
  const [over, least, threshold] = [8, 4, 1.2];
  await check(
    (stream) =>
      stream.through(outliers({ of: ({ n }) => (n * 37) % 23, method: "z-score", over, least, threshold }))
        .map(({ n }) => n).to(json()),
    (elements) => {
      const last = new Map<string, number[]>();
      return elements.filter(({ key, value: { n } }) => {
        const number = (n * 37) % 23;
        const before = last.get(key) ?? [];
        const mean = before.reduce((sum, each) => sum + each, 0) / before.length;
        const deviation = Math.sqrt(before.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (before.length - 1));
        const isIn = before.length < least || Math.abs(number - mean) <= threshold * deviation;
        if (isIn) last.set(key, [...before, number].slice(-over));
        return isIn;
      }).map(({ value }) => value.n);
    },
  );
});

Deno.test("the state of what cleans and controls stays flat over ten times its time, whatever the number of keys", async () => {
  const ttl = 50;
  const steps: Readonly<Record<string, (stream: Stream<Event>) => unknown>> = {
    "rate-limit": (stream) => stream.through(rateLimit({ count: 1, per: ttl })).to(json()),
    throttle: (stream) => stream.through(throttle(ttl)).to(json()),
    outliers: (stream) => stream.through(outliers({ of: ({ n }) => n, method: "mad", ttl })).to(json()),
    machine: (stream) =>
      stream.through(stateMachine({ initial: 0, on: (state, { n }: Event) => ({ state: state + 1, emit: [n] }), ttl }))
        .to(json()),
    "in-order": (stream) => stream.through(inOrder()).to(json()),
    alert: (stream) => stream.through(alert({ raise: ({ n }) => n % 2 === 0, clear: () => true })).to(json()),
  };
  for (const [name, use] of Object.entries(steps)) {
    // Each key occurs twice, one after the other, and never again.
    const elements = Array.from({ length: 1000 }, (_, n) => ({ key: `key-${n >> 1}`, value: { n, at: n } }));
    const first = await runPipeline(through(use, 20), elements.slice(0, 200), { sizes: [1], ends: false });
    const whole = await runPipeline(through(use, 20), elements, { sizes: [1], ends: false });
    assert(whole.stateKeysMax <= first.stateKeysMax + 5, `${name}: ${first.stateKeysMax}, ${whole.stateKeysMax}`);
  }
});

Deno.test("a schema's rejects go where they are wanted, with reasons; elsewhere their record fails", async () => {
  const positive = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate: (value: unknown) =>
        (value as Event).n > 0 ? { value: value as Event } : { issues: [{ message: "is not positive", path: ["n"] }] },
    },
  };
  const elements = [1, 0, 2].map((n, at) => ({ value: { n, at } }));
  const taken = through((stream) =>
    stream.through(validate(positive), { rejects: (rejects) => rejects.to("rejects", json()) }).map(({ n }) => n).to(
      json(),
    )
  );
  const { results } = await runPipeline(taken, elements);
  assertEquals(results.map(({ value }) => value), [1, { value: { n: 0, at: 1 }, reasons: ["n: is not positive"] }, 2]);
  const strict = through((stream) => stream.through(validate(positive)).map(({ n }) => n).to(json()));
  const { failures } = await runPipeline(strict, elements);
  assert(/n: is not positive/.test(failures[0]), failures[0]);
});

Deno.test("dates, numbers and text are put into one form, or rejected with all reasons", async () => {
  const make = () =>
    pipeline("clean", ({ from }) =>
      from(json<Record<string, unknown>>()).through(
        correct({
          at: asDate({ order: "dmy", zone: "Europe/Berlin" }),
          sum: asNumber({ decimal: "," }),
          name: asText(),
        }),
        { rejects: (rejects) => rejects.map(({ reasons }) => reasons).to("rejects", json()) },
      ).to(json()));
  const values = [
    { at: "3.4.2026", sum: "€ 1.234,50", name: "  Ann   Lee " },
    { at: "2026-04-03T10:00:00Z", sum: 5, name: "Bob" },
    { at: "29.03.2026 03:30", sum: "-7", name: 7 },
    { at: 1775210400, sum: "12", name: "" },
    { at: "31.2.2026", sum: "1,2,3", name: null },
  ];
  const { results } = await runPipeline(make, values.map((value) => ({ value })));
  assertEquals(results.map(({ value }) => value), [
    { at: "2026-04-02T22:00:00.000Z", sum: 1234.5, name: "Ann Lee" },
    { at: "2026-04-03T10:00:00.000Z", sum: 5, name: "Bob" },
    { at: "2026-03-29T01:30:00.000Z", sum: -7, name: "7" },
    { at: "2026-04-03T10:00:00.000Z", sum: 12, name: "" },
    ['at: "31.2.2026" is no date', 'sum: "1,2,3" is no number', "name: null is no text"],
  ]);
});

Deno.test("a split sends each element to the first branch that wants it", async () => {
  const make = through((stream) =>
    stream.through(split({ small: ({ n }) => n < 3, even: ({ n }) => n % 2 === 0 }), {
      small: (small) => small.map(({ n }) => n).to("small", json()),
      even: (even) => even.map(({ n }) => n).to("even", json()),
    }).map(({ n }) => n).to("rest", json())
  );
  const { results } = await runPipeline(make, [1, 2, 3, 4, 5].map((n) => ({ value: { n, at: n } })));
  assertEquals(results.map(({ output, value }) => [output, value]), [
    ["small", 1],
    ["small", 2],
    ["rest", 3],
    ["even", 4],
    ["rest", 5],
  ]);
});

Deno.test("a side stream that is taken and led nowhere is dropped on purpose", async () => {
  const make = through((stream) =>
    stream.through(dedupe({ by: () => 1, ttl: 5 }), { late: () => {} }).map(({ n }) => n).to(json())
  );
  const { results, failures } = await runPipeline(make, [100, 1, 200].map((at, n) => ({ value: { n, at } })));
  assertEquals([results.map(({ value }) => value), failures], [[0, 2], []]);
});

Deno.test("a sample is about its share, and the same one each time", async () => {
  const make = through((stream) => stream.through(sample(0.3)).map(({ n }) => n).to(json()));
  const elements = Array.from({ length: 2000 }, (_, n) => ({ value: { n, at: n } }));
  const { results } = await assertSameUnder(make, elements, { sizes: [7], crashes: [false, true] });
  assert(Math.abs(results.length - 600) < 90, `${results.length} of 2000`);
});

Deno.test("changes says what was and what is", async () => {
  const make = () => pipeline("log", ({ table }) => table("rows", json<number>()).through(changes()).to(json()));
  const elements: TestElement[] = [1, 1, 2, null, null, 3].map((value) => ({ input: "rows", key: "k", value }));
  const { results } = await assertSameUnder(make, elements, { sizes: [1], crashes: [true] });
  const pairs = results.map(({ value }) => value as { before: number | null; after: number | null });
  assertEquals(pairs.map(({ before, after }) => [before, after]), [[null, 1], [1, 2], [2, null], [null, 3]]);
});

Deno.test("an answer enriches each element, in order; it is kept for its time, asked again when it fails, given up at last", async () => {
  const asked: number[] = [];
  let isDown = false;
  const answer = (_: string, input: unknown) => {
    asked.push(input as number);
    if (isDown || input === 13) throw new Error("no such price");
    return (input as number) * 100;
  };
  const make = through((stream) =>
    stream.through(
      enrich({
        effect: "price",
        ask: ({ n }) => n,
        combine: ({ n }, price: number) => [n, price],
        cache: "1m",
        cacheMax: 2,
        retries: 2,
      }),
      { failed: (failed) => failed.map(({ value, reason }) => [value.n, reason]).to("failed", json()) },
    ).to(json())
  );
  const elements = [1, 1, 2, 13, 1, 3, 1].map((n, at) => ({ value: { n, at } }));
  const { results, stateKeysMax } = await runPipeline(make, elements, { answer, sizes: [2], crashes: [true] });
  assertEquals(results.map(({ value }) => value), [
    [1, 100],
    [1, 100],
    [2, 200],
    [13, "no such price"],
    [1, 100],
    [3, 300],
    [1, 100],
  ]);
  // 1 is asked once, until 3 takes its place; 13 three times.
  assertEquals(asked, [1, 2, 13, 13, 13, 3, 1]);
  assert(stateKeysMax <= 6, `${stateKeysMax}`);
  isDown = true;
  const strict = through((stream) =>
    stream.through(enrich({ effect: "price", ask: ({ n }) => n, combine: (_, price: number) => price })).to(json())
  );
  const { failures } = await runPipeline(strict, elements, { answer });
  assert(/no such price/.test(failures[0]), failures[0]);
});

Deno.test("operators that cannot be are refused when they are written", () => {
  assertThrows(() => sample(2), TypeError, "share of 2");
  assertThrows(() => rateLimit({ count: 0, per: "1s" }), TypeError, "0 elements");
  assertThrows(() => sequence({ parts: [() => true], within: "1s" }), TypeError, "two parts");
  assertThrows(() => dedupe({ ttl: "soon" }), TypeError, "soon");
  assertThrows(() => pipeline("nothing", ({ from }) => from(json())), TypeError, "writes nothing");
  assertThrows(
    () =>
      pipeline(
        "twice",
        ({ from }) => from(json()).filter(() => true).named("x").filter(() => true).named("x").to(json()),
      ),
    TypeError,
    "another one",
  );
});
