/** Windows against an oracle that sees all records at once: out of order, late, of equal time, under any split, with crashes. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  type Aggregate,
  aggregate,
  calendar,
  collect,
  count,
  countOf,
  hopping,
  json,
  pipeline,
  session,
  sliding,
  sum,
  tumbling,
  untilChange,
  type Windows,
} from "../../pipeline.ts";
import type { Codecs, Processor } from "../../engine/processor.ts";
import { assertSameUnder, type Feeding, feedings, runPipeline, type TestElement } from "../support/pipelines.ts";

interface Click {
  readonly n: number;
  readonly at: number;
}

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 11);
console.log(`seed ${SEED}`);

/** The elements of a window, whatever their order. */
function members(): Aggregate<Click, readonly number[]> {
  return aggregate<Click, readonly number[], number[]>({
    create: () => [],
    add: (state, { n }) => [...state, n].sort((a, b) => a - b),
    merge: (a, b) => [...a, ...b].sort((x, y) => x - y),
    result: (state) => state,
  });
}

function clicks(windows: Windows<Click>, latenessMs: number): () => Processor<Codecs, Codecs> {
  return () =>
    pipeline("clicks", ({ from }) =>
      from(json<Click>(), { time: ({ at }) => at, lateness: latenessMs })
        .window(windows)
        .aggregate({ members: members() }, { late: (late) => late.to("late", json()) })
        .to(json()));
}

interface Case {
  readonly elements: readonly (TestElement<Click> & { readonly value: Click })[];
  readonly latenessMs: number;
}

/** Clicks of three keys in up to three partitions; times are close together, often equal, and go back now and then. */
const cases: fc.Arbitrary<Case> = fc.record({
  latenessMs: fc.constantFrom(0, 5, 30),
  elements: fc.array(
    fc.record({
      key: fc.constantFrom("ann", "bob", undefined),
      partition: fc.constantFrom("0", "0", "1", "2"),
      step: fc.constantFrom(0, 0, 1, 3, 7, 20, -2, -10, -45),
    }),
    { maxLength: 40 },
  ).map((steps) => {
    let at = 1000;
    return steps.map(({ key, partition, step }, n) => {
      at += step;
      return { ...(key === undefined ? {} : { key }), partition, value: { n, at } };
    });
  }),
});

/** What is known of the time when each element comes: the lowest, over partitions seen, of the highest time less lateness. */
function watermarks({ elements, latenessMs }: Case, grainMs: number): readonly number[] {
  const highest = new Map<string, number>();
  let watermarkMs = -Infinity;
  return elements.map(({ partition = "0", value: { at } }) => {
    highest.set(partition, Math.max(highest.get(partition) ?? -Infinity, at));
    const lowest = Math.min(
      ...[...highest.values()].map((each) => Math.floor((each - latenessMs) / grainMs) * grainMs),
    );
    return watermarkMs = Math.max(watermarkMs, lowest);
  });
}

interface Expected {
  readonly windows: readonly string[];
  readonly late: readonly number[];
}

function resultText(key: string | null, startMs: number, endMs: number, all: readonly number[]): string {
  return JSON.stringify({ key, startMs, endMs, members: all.toSorted((a, b) => a - b) });
}

/** Every window that an element is in and that is open when it comes has it; an element without such a window is late. */
function alignedOracle(each: Case, windowsOf: (at: number) => readonly [number, number][]): Expected {
  const marks = watermarks(each, 1);
  const found = new Map<string, { key: string | null; startMs: number; endMs: number; all: number[] }>();
  const late: number[] = [];
  each.elements.forEach(({ key = null, value: { n, at } }, i) => {
    const open = windowsOf(at).filter(([, endMs]) => endMs > marks[i]);
    // A slice that is still needed by an open window takes elements; windows that are closed do not change.
    if (open.length === 0) late.push(n);
    for (const [startMs, endMs] of open) {
      const name = JSON.stringify([key, startMs, endMs]);
      if (!found.has(name)) found.set(name, { key, startMs, endMs, all: [] });
      found.get(name)!.all.push(n);
    }
  });
  const windows = [...found.values()].map(({ key, startMs, endMs, all }) => resultText(key, startMs, endMs, all));
  return { windows: windows.sort(), late };
}

async function check(windows: Windows<Click>, oracle: (each: Case) => Expected): Promise<void> {
  const property = fc.asyncProperty(
    cases.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
    async ([each, feeding]: [Case, Feeding]) => {
      const { results } = await assertSameUnder(clicks(windows, each.latenessMs), each.elements, feeding);
      const expected = oracle(each);
      const given = results.filter(({ output }) => output === "default").map(({ value }) => JSON.stringify(value));
      assertEquals(given.toSorted(), expected.windows);
      const late = results.filter(({ output }) => output === "late").map(({ value }) => (value as Click).n);
      assertEquals(late, expected.late);
    },
  );
  await fc.assert(property, { numRuns: 150, seed: SEED });
}

Deno.test("tumbling windows hold what an oracle counts, and what is late is what it calls late", async () => {
  await check(tumbling(20), (each) =>
    alignedOracle(each, (at) => {
      const startMs = Math.floor(at / 20) * 20;
      return [[startMs, startMs + 20]];
    }));
});

Deno.test("tumbling windows with an offset begin where they are told to", async () => {
  await check(tumbling(20, { offset: 7 }), (each) =>
    alignedOracle(each, (at) => {
      const startMs = Math.floor((at - 7) / 20) * 20 + 7;
      return [[startMs, startMs + 20]];
    }));
});

for (const [size, slide] of [[30, 10], [25, 10], [20, 20], [7, 3]]) {
  Deno.test(`hopping windows of ${size} by ${slide} hold what an oracle counts`, async () => {
    await check(hopping(size, slide), (each) =>
      alignedOracle(each, (at) => {
        const windows: [number, number][] = [];
        for (let startMs = Math.floor(at / slide) * slide; startMs > at - size; startMs -= slide) {
          windows.unshift([startMs, startMs + size]);
        }
        return windows;
      }));
  });
}

Deno.test("sessions are what an oracle that merges neighbours finds", async () => {
  const gapMs = 10;
  await check(session(gapMs), (each) => {
    const marks = watermarks(each, 1);
    const open = new Map<string | null, { startMs: number; endMs: number; all: number[] }[]>();
    const late: number[] = [];
    const closed: string[] = [];
    each.elements.forEach(({ key = null, value: { n, at } }, i) => {
      for (const [owner, sessions] of open) {
        for (const { startMs, endMs, all } of sessions.filter((known) => known.endMs + gapMs < marks[i])) {
          closed.push(resultText(owner, startMs, endMs, all));
        }
        open.set(owner, sessions.filter((known) => known.endMs + gapMs >= marks[i]));
      }
      const sessions = open.get(key) ?? [];
      const near = sessions.filter(({ startMs, endMs }) => at >= startMs - gapMs && at <= endMs + gapMs);
      if (near.length === 0 && at + gapMs < marks[i]) return late.push(n);
      const merged = {
        startMs: Math.min(at, ...near.map(({ startMs }) => startMs)),
        endMs: Math.max(at, ...near.map(({ endMs }) => endMs)),
        all: [...near.flatMap(({ all }) => all), n],
      };
      open.set(key, [...sessions.filter((known) => !near.includes(known)), merged]);
    });
    for (const [key, sessions] of open) {
      for (const { startMs, endMs, all } of sessions) closed.push(resultText(key, startMs, endMs, all));
    }
    return { windows: closed.sort(), late };
  });
});

Deno.test("sliding windows are what RANGE BETWEEN … PRECEDING says, for every time that occurs", async () => {
  const sizeMs = 15;
  await check(sliding(sizeMs), (each) => {
    const marks = watermarks(each, 1);
    const taken = each.elements.filter(({ value }, i) => value.at >= marks[i]);
    const late = each.elements.filter(({ value }, i) => value.at < marks[i]).map(({ value }) => value.n);
    const windows = new Set(taken.map(({ key = null, value: { at } }) => {
      const inside = taken.filter((other) =>
        (other.key ?? null) === key && other.value.at > at - sizeMs && other.value.at <= at
      );
      return resultText(key, at - sizeMs + 1, at, inside.map(({ value }) => value.n));
    }));
    return { windows: [...windows].sort(), late };
  });
});

/** Windows by count and change: elements of a key, cut where `ends` says, in the order in which they come. */
function cutOracle(each: Case, endsAfter: (all: readonly Click[], next: Click) => boolean, size: number): Expected {
  const windows: string[] = [];
  for (const [key, ofKey] of Map.groupBy(each.elements, (element) => element.key ?? null)) {
    let all: Click[] = [];
    const close = (isPartial: boolean) => {
      const times = all.map(({ at }) => at);
      const text = resultText(key, Math.min(...times), Math.max(...times), all.map(({ n }) => n));
      windows.push(isPartial ? text.replace(/}$/, ',"isPartial":true}') : text);
      all = [];
    };
    for (const { value } of ofKey) {
      if (all.length > 0 && endsAfter(all, value)) close(false);
      all.push(value);
      if (all.length === size) close(false);
    }
    if (all.length > 0) close(true);
  }
  return { windows: windows.sort(), late: [] };
}

Deno.test("windows by count are cut after every so many elements, the last one is partial", async () => {
  await check(countOf(3), (each) => cutOracle(each, () => false, 3));
});

Deno.test("windows by change end when the value does", async () => {
  const parity = ({ n }: Click) => n % 4 < 2;
  await check(
    untilChange(parity),
    (each) => cutOracle(each, ([first], next) => parity(first) !== parity(next), Infinity),
  );
});

Deno.test("windows by count with a ttl close after a silence, and keep nothing for it", async () => {
  const make = clicks(countOf(5, { ttl: 50 }), 0);
  const elements = Array.from({ length: 2000 }, (_, n) => ({ key: `key-${n}`, value: { n, at: 1000 + n } }));
  const { results, stateKeysMax } = await runPipeline(make, elements, { sizes: [10] });
  assertEquals(results.length, 2000);
  assert(stateKeysMax < 150, `${stateKeysMax} entries`);
});

Deno.test("early results, retractions and final results add up to the final ones", async () => {
  const make = (windows: Windows<Click>) => () =>
    pipeline("early", ({ from }) =>
      from(json<Click>(), { time: ({ at }) => at, lateness: 50 })
        .window(windows)
        .aggregate({ n: count(), all: sum(({ n }) => n) }, {
          emit: "update",
          retract: true,
          late: (l) => l.to("late", json()),
        })
        .to(json()));
  const property = fc.asyncProperty(
    cases.chain((each) => fc.tuple(fc.constant(each), feedings(each.elements.length))),
    fc.constantFrom<Windows<Click>>(tumbling(20), hopping(30, 10), session(10)),
    async ([each, feeding], windows) => {
      const { results } = await assertSameUnder(make(windows), each.elements, feeding);
      const balance = new Map<string, number>();
      const finals: string[] = [];
      for (const { output, value } of results) {
        if (output === "late") continue;
        const { isFinal, isRetraction, ...rest } = value as Record<string, unknown>;
        const text = JSON.stringify(rest);
        balance.set(text, (balance.get(text) ?? 0) + (isRetraction ? -1 : 1));
        assert((balance.get(text) ?? 0) >= 0, `${text} is taken back before it was given`);
        if (isFinal) finals.push(text);
      }
      const left = [...balance].flatMap(([text, times]) => new Array<string>(times).fill(text));
      assertEquals(left.sort(), finals.sort());
    },
  );
  await fc.assert(property, { numRuns: 100, seed: SEED });
});

Deno.test("an early result comes at every so many elements of a key and window", async () => {
  const make = () =>
    pipeline(
      "every",
      ({ from }) =>
        from(json<Click>(), { time: ({ at }) => at }).window(tumbling(100)).aggregate({ n: count() }, { emit: 3 }).to(
          json(),
        ),
    );
  const elements = Array.from({ length: 7 }, (_, n) => ({ key: "ann", value: { n, at: 1000 + n } }));
  const { results } = await runPipeline(make, elements);
  assertEquals(results.map(({ value }) => (value as { n: number; isFinal: boolean }).n), [3, 6, 7]);
  assertEquals(results.map(({ value }) => (value as { n: number; isFinal: boolean }).isFinal), [false, false, true]);
});

Deno.test("calendar windows are the days of a zone, 23 and 25 hours long where clocks change", async () => {
  const make = (unit: "hour" | "day" | "month") => () =>
    pipeline("calendar", ({ from }) =>
      from(json<string>(), { time: (at) => at })
        .window(calendar(unit, { zone: "Europe/Berlin" })).aggregate({ n: count() }).to(json()));
  const bounds = async (unit: "hour" | "day" | "month", times: readonly string[]) => {
    const { results } = await runPipeline(make(unit), times.map((value) => ({ value })));
    return results.map(({ value }) => {
      const { startMs, endMs, n } = value as { startMs: number; endMs: number; n: number };
      return [new Date(startMs).toISOString(), (endMs - startMs) / 3_600_000, n];
    });
  };
  assertEquals(await bounds("day", ["2026-03-28T22:59:59Z", "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z"]), [
    ["2026-03-27T23:00:00.000Z", 24, 1],
    ["2026-03-28T23:00:00.000Z", 23, 2],
  ]);
  assertEquals(await bounds("day", ["2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z"]), [
    ["2026-10-24T22:00:00.000Z", 25, 2],
  ]);
  // Three in the morning comes twice: two windows.
  assertEquals(await bounds("hour", ["2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z"]), [
    ["2026-10-25T00:00:00.000Z", 1, 1],
    ["2026-10-25T01:00:00.000Z", 1, 1],
  ]);
  assertEquals(await bounds("month", ["2026-02-28T22:59:59Z", "2026-02-28T23:00:00Z"]), [
    ["2026-01-31T23:00:00.000Z", 672, 1],
    ["2026-02-28T23:00:00.000Z", 743, 1],
  ]);
});

Deno.test("results of windows flow into windows: minutes into hours, none is late", async () => {
  const make = () =>
    pipeline("nested", ({ from }) =>
      from(json<Click>(), { time: ({ at }) => at, lateness: 20 })
        .window(tumbling(10)).aggregate({ n: count() })
        .window(tumbling(50)).aggregate({ windows: count(), all: collect(({ n }) => n) })
        .to(json()));
  const property = fc.asyncProperty(
    fc.array(fc.nat(300), { minLength: 1, maxLength: 40 }).map((times) => times.sort((a, b) => a - b)),
    async (times) => {
      const elements = times.map((at, n) => ({ value: { n, at } }));
      const { results } = await runPipeline(make, elements);
      const minutes = new Map<number, number>();
      for (const at of times) minutes.set(Math.floor(at / 10), (minutes.get(Math.floor(at / 10)) ?? 0) + 1);
      const hours = Map.groupBy([...minutes].sort(([a], [b]) => a - b), ([minute]) => Math.floor(minute / 5));
      assertEquals(
        results.map(({ value }) => (value as { all: number[] }).all),
        [...hours.values()].map((each) => each.map(([, n]) => n)),
      );
    },
  );
  await fc.assert(property, { numRuns: 50, seed: SEED });
});

Deno.test("a late record fails where nobody takes late ones, and says what to do", async () => {
  const make = () =>
    pipeline(
      "strict",
      ({ from }) =>
        from(json<Click>(), { time: ({ at }) => at }).window(tumbling(10)).aggregate({ n: count() }).to(json()),
    );
  const { failures } = await runPipeline(make, [{ value: { n: 0, at: 100 } }, { value: { n: 1, at: 5 } }]);
  assertEquals(failures.length, 1);
  assert(/step window.*late.*lateness/.test(failures[0]), failures[0]);
});

Deno.test("state stays flat over ten times the window, for every kind of window", async () => {
  const kinds: readonly Windows<Click>[] = [tumbling(100), hopping(100, 20), session(20), sliding(100)];
  for (const windows of kinds) {
    const elements = Array.from({ length: 1000 }, (_, n) => ({ key: `key-${n % 5}`, value: { n, at: 1000 + 2 * n } }));
    const first = await runPipeline(clicks(windows, 10), elements.slice(0, 100), { sizes: [1], ends: false });
    const whole = await runPipeline(clicks(windows, 10), elements, { sizes: [1] });
    assert(
      whole.stateKeysMax <= first.stateKeysMax + 10,
      `${windows.detail}: ${first.stateKeysMax}, ${whole.stateKeysMax}`,
    );
    // The watermark of the input and the names of the steps are all that is left.
    assertEquals(whole.stateKeys, ["from:time|default/0", "pipeline:steps"], windows.detail);
  }
});

Deno.test("windows that cannot be are refused", () => {
  assertThrows(() => tumbling(0), TypeError, "window size 0");
  assertThrows(() => tumbling("5 minutes"), TypeError, "5 minutes");
  assertThrows(() => hopping("1m", "2m"), TypeError, "gaps");
  assertThrows(() => calendar("day", { zone: "Mars/Olympus" }), RangeError, "Mars/Olympus");
  assertThrows(() => countOf(0), TypeError, "0 elements");
});
