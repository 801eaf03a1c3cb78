/** The watermark: partitions, silence, restarts, the end. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { count, dedupe, hopping, inOrder, intervalJoin, json, pipeline, tumbling, windowJoin } from "../../pipeline.ts";
import { assertSameUnder, runPipeline, type TestElement } from "../support/pipelines.ts";

const START_MS = Date.UTC(2026, 0, 1);

/** Counts per ten milliseconds. */
function counts(idle?: number, lateness = 0) {
  return () =>
    pipeline(
      "counts",
      ({ from }) =>
        from(json<number>(), { time: (at) => at, lateness, ...(idle === undefined ? {} : { idle }) })
          .window(tumbling(10)).aggregate({ n: count() }, { late: (late) => late.to("late", json()) }).to(json()),
    );
}

const at = (value: number, partition = "0"): TestElement => ({ value, partition });

function ends({ results }: { results: readonly { output: string; value: unknown }[] }): readonly number[] {
  return results.filter(({ output }) => output === "default").map(({ value }) => (value as { endMs: number }).endMs);
}

Deno.test("a window waits for the partition that is behind", async () => {
  const elements = [at(1), at(1, "1"), at(25), at(8, "1"), at(12, "1"), at(31, "1")];
  const whole = await runPipeline(counts(), elements, { sizes: [1], ends: false });
  assertEquals(ends(whole), [10, 20]);
  const waiting = await runPipeline(counts(), elements.slice(0, 4), { sizes: [1], ends: false });
  assertEquals(ends(waiting), []);
});

Deno.test("a partition that begins later does not take back what time it was, also after a crash", async () => {
  const elements = [at(1), at(25), at(3, "1"), at(26), at(27)];
  const { results } = await assertSameUnder(counts(), elements, { sizes: [1], crashes: [true] });
  assertEquals(results.filter(({ output }) => output === "late").map(({ value }) => value), [3]);
});

Deno.test("a partition that falls silent holds up nobody once it has been idle, and is heard again when it speaks", async () => {
  const clock = (seconds: number) => START_MS + seconds * 1000;
  const elements = [at(1), at(1, "1"), at(25), at(26), at(28), at(27, "1"), at(45), at(2, "1"), at(46, "1")];
  // Partition 1 is silent from second 0 on, and speaks at second 8.
  const clockMs = [0, 0, 1, 4, 6, 8, 8, 8, 8].map(clock);
  for (const crashes of [[false], [true]]) {
    const ran = await runPipeline(counts(5000), elements, { sizes: [1], crashes, clockMs, ends: false });
    // At second 5 it is idle: the window that 26 had passed closes. At second 8 it holds up the one after it again.
    assertEquals(ends(ran), [10, 30]);
    assertEquals(ran.results.filter(({ output }) => output === "late").map(({ value }) => value), [2]);
  }
});

Deno.test("on a quiet stream, event time goes on with the clock until nothing is open, and then rests", async () => {
  const tick = (seconds: number) => START_MS + seconds * 1000;
  const make = () =>
    pipeline(
      "quiet",
      ({ from }) =>
        from(json<number>(), { time: (ms) => ms, idle: "5s" }).window(tumbling("10s")).aggregate({ n: count() }).to(
          json(),
        ),
    );
  const ticksMs = Array.from({ length: 30 }, (_, i) => tick(i));
  for (const crashes of [[false], [true]]) {
    const elements = [{ value: START_MS + 1000 }];
    const { results, stateKeys } = await runPipeline(make, elements, {
      ticksMs,
      crashes,
      clockMs: [START_MS],
      ends: false,
    });
    assertEquals(results.map(({ value }) => (value as { endMs: number }).endMs - START_MS), [10_000]);
    assert(!stateKeys.some((key) => key.includes("due")), stateKeys.join());
  }
});

Deno.test("the end closes what is open, in order of time", async () => {
  const ran = await assertSameUnder(counts(undefined, 100), [at(25), at(1), at(13)], { sizes: [1], crashes: [true] });
  assertEquals(ends(ran), [10, 20, 30]);
});

Deno.test("events come in order of time, those of equal time in the order in which they came", async () => {
  interface Event {
    readonly at: number;
    readonly n: number;
  }
  const make = () =>
    pipeline(
      "ordered",
      ({ from }) => from(json<Event>(), { time: (event) => event.at, lateness: 10 }).through(inOrder()).to(json()),
    );
  const times = [5, 3, 3, 9, 5, 14, 20, 11, 31, 22];
  const elements = times.map((time, n) => ({ value: { at: time, n } }));
  const { results, stateKeys } = await assertSameUnder(make, elements, { sizes: [2], crashes: [true] });
  const expected = elements.map(({ value }) => value).sort((a, b) => a.at - b.at || a.n - b.n);
  assertEquals(results.map(({ value }) => value), expected);
  assertEquals(stateKeys.filter((key) => key.includes("|")), ["from:time|default/0"]);
});

Deno.test("the clock of the run changes nothing where no idle is set", async () => {
  const elements = [at(1), at(25), at(13), at(47), at(55)];
  const asFed = await runPipeline(counts(undefined, 20), elements, {
    sizes: [2],
    clockMs: [1, 2, 3].map((ms) => START_MS + ms),
  });
  const later = await runPipeline(counts(undefined, 20), elements, { sizes: [1], clockMs: [START_MS + 9e9] });
  const byEvents = await runPipeline(counts(undefined, 20), elements, { clock: "event" });
  assertEquals(later.results, asFed.results);
  assertEquals(byEvents.results, asFed.results);
});

Deno.test("without a time of their own, records count when they are fed", async () => {
  const make = () =>
    pipeline("fed", ({ from }) => from(json<number>()).window(tumbling("1s")).aggregate({ n: count() }).to(json()));
  const elements = [{ value: 1 }, { value: 2 }, { value: 3, timeMs: START_MS + 5000 }];
  const { results } = await runPipeline(make, elements, { clockMs: [START_MS, START_MS + 1500, START_MS + 9000] });
  assertEquals(results.map(({ value }) => (value as { startMs: number }).startMs - START_MS), [0, 1000, 5000]);
});

Deno.test("a time that is none fails its record", async () => {
  const make = () =>
    pipeline(
      "bad",
      ({ from }) =>
        from(json<string>(), { time: (at) => at }).window(tumbling(10)).aggregate({ n: count() }).to(json()),
    );
  const { failures } = await runPipeline(make, [{ value: "yesterday" }]);
  assert(failures[0].includes("event time is yesterday"), failures[0]);
});

Deno.test("an heir that has the keys of a task, but not what belongs to no key, closes and forgets all the same", async () => {
  interface Item {
    readonly at: number;
  }
  const pair = (a: Item | null, b: Item | null) => [a?.at, b?.at];
  const make = () =>
    pipeline("heir", ({ from }) => {
      const all = from(json<Item>(), { time: (item) => item.at });
      all.window(hopping(20, 10)).aggregate({ n: count() }).to("windows", json());
      all.join(all, intervalJoin({ within: 5, kind: "outer", combine: pair })).to("pairs", json());
      all.join(all, windowJoin(tumbling(10), { combine: pair })).to("joined", json());
      all.through(dedupe({ ttl: 5 })).map((item) => item.at).to("first", json());
    });
  const elements = [1, 3, 12, 14, 25, 90].map((value) => ({ key: "ann", value: { at: value } }));
  const plain = await runPipeline(make, elements, { sizes: [1] });
  const heir = await runPipeline(make, elements, {
    sizes: [1],
    crashes: [true],
    inherits: (key) => !key.includes(":due|") && !key.includes(":slice|"),
  });
  assertEquals(heir.results, plain.results);
  assertEquals(heir.stateKeys, plain.stateKeys);
});

Deno.test("steps that are added or removed leave the state of the others as it is", async () => {
  const make = (names: readonly string[]) => () =>
    pipeline("steps", ({ from }) => {
      const all = from(json<number>(), { time: (at) => at });
      for (const name of names) all.window(tumbling(100)).aggregate({ n: count() }).named(name).to(name, json());
    });
  const versions = [make(["a", "b"]), make(["b", "c"])];
  let made = 0;
  // A crash in between brings the other version.
  const ran = await runPipeline(() => versions[made++](), [at(1), at(2), at(3), at(4)], {
    sizes: [2],
    crashes: [true, false],
  });
  const found = ran.results.map(({ output, value }) => [output, (value as { n: number }).n]);
  assertEquals(ran.logs.length, 2, ran.logs.join("; "));
  assert(/Step a is gone/.test(ran.logs[0]) && /Step c is new/.test(ran.logs[1]), ran.logs.join("; "));
  assertEquals(found, [["b", 4], ["c", 2]]);
});

Deno.test("a late record is told of by its time, also when what made it late lies behind all dates", async () => {
  const make = () =>
    pipeline(
      "far",
      ({ from }) =>
        from(json<number>(), { time: (ms) => ms }).window(tumbling(10)).aggregate({ n: count() }).to(json()),
    );
  const { failures } = await runPipeline(make, [at(1.7e18), at(START_MS)], { onError: "skip", ends: false });
  assertEquals(failures.length, 1);
  assertStringIncludes(failures[0], "event time has reached 1700000000000000000 ms");
});
