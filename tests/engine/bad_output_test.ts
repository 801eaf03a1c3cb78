/** What a processor may not emit, set or look for is refused by what it is; what is not quite right is put right for all sinks. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { testProcessor } from "../../testing.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

/** Expression over the context → what is wrong with it. */
const REFUSED: Readonly<Record<string, string>> = {
  "context.emit({ value: 1, timeMs: NaN })": "its time is NaN, milliseconds are wanted",
  "context.emit({ value: 1, timeMs: 'soon' as never })": "its time is a string, milliseconds are wanted",
  "context.emit({ value: 1, timeMs: 1e300 })": "its time is 1e+300, milliseconds are wanted",
  "context.emit({ value: 1, key: { id: 1 } as never })": "its key is an Object, text is wanted",
  "context.emit({ value: 1, key: [1] as never })": "its key is an Array, text is wanted",
  "context.emit({ value: 1, partition: 1.5 })": "its partition is 1.5, a whole number from 0 is wanted",
  "context.emit({ value: 1, headers: { a: 5 as never } })": "header a is 5, text, bytes or null is wanted",
  "context.emit({ value: 1 }, 'elsewhere')": "the processor's outputs are default",
  "context.emit('text' as never)": "it is a string, an object { value, key? } is wanted",
  "context.timers.set(5 as never, 5)": "Cannot set timer: the key is 5, text is wanted",
  "context.timers.set('a', Infinity)": "Infinity is no time",
  "context.state.set(5 as never, 5)": "Cannot set state: the key is 5, text is wanted",
  "context.state.get(5 as never)": "Cannot look into state: the key is 5, text is wanted",
  "context.state.get(undefined as never)": "Cannot look into state: the key is undefined, text is wanted",
  "context.state.set('a', new Map())": "value is a Map, a JSON value is wanted",
};

Deno.test("outputs, timers and state that cannot be are refused, each by what it is", async () => {
  const cases = Object.keys(REFUSED).map((expression) => `() => ${expression}`).join(", ");
  await using folder = new TestFolder();
  const url = pathToFileURL(folder.write("p.ts", scriptOf(`([${cases}] as (() => unknown)[])[value]();`)));
  const test = await testProcessor(url, { onError: "skip" });
  for (const [i, [expression, wanted]] of Object.entries(REFUSED).entries()) {
    await test.send({ value: i });
    assertStringIncludes(test.failures.at(-1)?.message ?? "nothing", wanted, expression);
    assertEquals(test.failures.length, i + 1);
  }
  assertEquals([test.outputs, test.state, test.timers], [[], {}, {}]);
});

Deno.test("parts of a millisecond do not reach a sink, whether the record brought them or the processor", async () => {
  await using folder = new TestFolder();
  const url = pathToFileURL(folder.write("p.ts", scriptOf("context.emit({ value, ...value });")));
  const test = await testProcessor(url, { clock: "event" });
  const [given, byClock, before1970] = await test.send(
    { value: { timeMs: 1_700_000_000_000.75 }, eventTimeMs: 1 },
    { value: {}, eventTimeMs: 1_700_000_000_001.5 },
    { value: { timeMs: -0.5 }, eventTimeMs: 1_700_000_000_002 },
  );
  assertEquals([given, byClock, before1970].map(({ timeMs }) => timeMs), [1_700_000_000_000, 1_700_000_000_001, -1]);
});
