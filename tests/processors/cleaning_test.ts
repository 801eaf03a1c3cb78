/** Cleaning: repeats, outliers, validation, correction, enrichment, what is dropped on purpose. */

import { assert, assertEquals } from "@std/assert";
import {
  asDate,
  asNumber,
  asText,
  correct,
  dedupe,
  enrich,
  json,
  outliers,
  pipeline,
  validate,
} from "../../pipeline.ts";
import { check, type Event, SEED, through } from "../support/event_streams.ts";
import { assertSameUnder, runPipeline } from "../support/pipelines.ts";

console.log(`seed ${SEED}`);

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

Deno.test("outliers are taken out, clamped, and do not count among what others are compared with", async () => {
  for (const method of ["z-score", "iqr", "mad"] as const) {
    const numbers = [...Array.from({ length: 20 }, (_, i) => 100 + i % 5), 1000, 101, 1000, -500, 104];
    const elements = numbers.map((n, at) => ({ key: "sensor", value: { n, at } }));
    const taken = through((stream) =>
      stream.through(outliers({ of: ({ n }) => n, method, over: 20 }), {
        rejects: (found) => found.map(({ number }) => number).to("outliers", json()),
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

Deno.test("a side stream that is taken and led nowhere is dropped on purpose", async () => {
  const make = through((stream) =>
    stream.through(dedupe({ by: () => 1, ttl: 5 }), { late: () => {} }).map(({ n }) => n).to(json())
  );
  const { results, failures } = await runPipeline(make, [100, 1, 200].map((at, n) => ({ value: { n, at } })));
  assertEquals([results.map(({ value }) => value), failures], [[0, 2], []]);
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
