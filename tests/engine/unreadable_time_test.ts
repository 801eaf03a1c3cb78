/** A time that a source could not read fails its record; it is nobody else's time. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { UNREADABLE_TIME } from "../../engine/batch.ts";
import { withFields } from "../../formats/fields.ts";
import { packRecords } from "../../adapters/memory/source.ts";
import { testProcessor } from "../../testing.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

Deno.test("on event time, a record whose time is unreadable fails alone: the clock stays, and timers of later wait", async () => {
  await using folder = new TestFolder();
  const source = scriptOf("context.timers.set('t', 1500); context.emit({ value: context.now });", {
    extra: "onTimer({ atMs }, { emit, now }) { emit({ value: `timer ${atMs} at ${now}` }); },",
  });
  const test = await testProcessor(pathToFileURL(folder.write("p.ts", source)), {
    clock: "event",
    onError: "skip",
    nowMs: 0,
  });
  await test.send({ value: 1, eventTimeMs: 1000 }, { value: 2, eventTimeMs: UNREADABLE_TIME });
  await test.send({ value: 3 }, { value: 4, eventTimeMs: 1200 }, { value: 5, eventTimeMs: 2000 });
  assertEquals(test.outputs.map(({ value }) => value), [1000, 1000, 1200, "timer 1500 at 1500", 2000]);
  assertEquals(test.failures.map(({ record }) => record), [1]);
  assertStringIncludes(test.failures[0].message, "Cannot read the event time");
});

Deno.test("a field's time is what a Date would be of it: whole milliseconds within its reach, or unreadable", () => {
  const cases: readonly (readonly [field: unknown, timeMs: number])[] = [
    [1.75, 1],
    [-0.5, -1],
    [8.64e15, 8.64e15],
    [8.65e15, UNREADABLE_TIME],
    [1e300, UNREADABLE_TIME],
    ["2026-01-01T00:00:00.0009Z", Date.UTC(2026, 0, 1)],
    ["soon", UNREADABLE_TIME],
    [true, UNREADABLE_TIME],
    [null, NaN],
    [undefined, NaN],
  ];
  const records = cases.map(([at], i) => ({ value: JSON.stringify({ at }), offset: BigInt(i) }));
  const { eventTimesMs } = withFields(packRecords("s", "0", records), { key: undefined, time: "at" });
  assertEquals([...eventTimesMs!], cases.map(([, timeMs]) => timeMs));
});
