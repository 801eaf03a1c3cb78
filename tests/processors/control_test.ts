/** Control: limits, incidents, machines, sequences, samples, branches, changes. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  alert,
  changes,
  dedupe,
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
} from "../../pipeline.ts";
import { check, type Event, events, SEED, through } from "../support/event_streams.ts";
import { assertSameUnder, feedings, runPipeline, type TestElement } from "../support/pipelines.ts";

console.log(`seed ${SEED}`);

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
