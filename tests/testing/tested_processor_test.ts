/** The testing kit: what a test sends is what a run would process, in virtual time, through crashes. */

import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { answers, RecordedError, TestedRecordFailed, testProcessor } from "../../testing.ts";
import type totals from "../../cli/starter/totals.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const TOTALS = new URL("../../cli/starter/totals.ts", import.meta.url);

async function withScript(source: string, work: (url: URL) => Promise<void>): Promise<void> {
  await using folder = new TestFolder();
  await work(pathToFileURL(folder.write("p.ts", source)));
}

Deno.test("records go in typed, outputs come out parsed, state is there to be looked at", async () => {
  const test = await testProcessor<typeof totals>(TOTALS);
  const [first] = await test.send({ value: { id: "1", customer: "ann", cents: 5 } });
  assertEquals(first.value?.cents, 5);
  await test.send({ value: { id: "2", customer: "bob", cents: 1 } }, { value: { id: "3", customer: "ann", cents: 2 } });
  assertEquals(test.state, { ann: 7, bob: 1 });
  assertEquals(test.outputs.map(({ key, value }) => [key, value?.cents]), [["ann", 5], ["bob", 1], ["ann", 7]]);
});

Deno.test("timers fire when virtual time is moved, and time stands still otherwise", async () => {
  const source = scriptOf("context.timers.set('t', context.now + 1000); context.emit({ value: Date.now() });", {
    extra: "onTimer({ key, atMs }, { emit, now }) { emit({ value: [key, atMs - now, new Date().toISOString()] }); },",
  });
  await withScript(source, async (url) => {
    const test = await testProcessor(url, { nowMs: Date.UTC(2030, 0, 1) });
    assertEquals((await test.send({ value: {} }))[0].value, Date.UTC(2030, 0, 1));
    assertEquals(test.timers, { t: Date.UTC(2030, 0, 1) + 1000 });
    assertEquals(await test.advance(999), []);
    assertEquals((await test.advance(1))[0].value, ["t", 0, "2030-01-01T00:00:01.000Z"]);
    assertEquals(test.timers, {});
  });
});

Deno.test("a crash loses what is in variables and nothing of state, timers, time and chance", async () => {
  const body = `moduleCounter++; const n = (context.state.get<number>("n") ?? 0) + 1; context.state.set("n", n);
    context.emit({ value: { n, moduleCounter, id: context.uuid(), at: context.now } });`;
  await withScript(scriptOf(body), async (url) => {
    const [plain, crashed] = [await testProcessor(url), await testProcessor(url)];
    for (const test of [plain, crashed]) {
      await test.send({ value: {} });
      if (test === crashed) test.crash();
      await test.advance(50);
      await test.send({ value: {} });
    }
    const [a, b] = [plain, crashed].map(({ outputs }) => outputs[1].value as Record<string, unknown>);
    assertEquals([a.moduleCounter, b.moduleCounter], [2, 1]);
    assertEquals({ ...a, moduleCounter: 0 }, { ...b, moduleCounter: 0 });
  });
});

Deno.test("a record that fails throws with its place and the user's line, and what came before is kept", async () => {
  await withScript(
    scriptOf("if (value.n === 2) throw new RangeError('two'); context.emit({ value: value.n });"),
    async (url) => {
      const test = await testProcessor(url);
      const error = await assertRejects(
        () => test.send({ value: { n: 1 } }, { value: { n: 2 } }, { value: { n: 3 } }),
        TestedRecordFailed,
      );
      assertStringIncludes(error.message, "record records/0@1: RangeError: two");
      assertStringIncludes(error.message, "p.ts:5");
      assertEquals(test.outputs.map(({ value }) => value), [1]);
      assertEquals((await test.send({ value: { n: 4 } }))[0].value, 4);
    },
  );
});

Deno.test("effects are answered by the test, recorded answers by their inputs, errors as errors", async () => {
  const body =
    "try { context.emit({ value: await context.effect('price', value.n) }); } catch (e) { context.emit({ value: e.message }); }";
  await withScript(scriptOf(body, { isAsync: true }), async (url) => {
    const price = answers([[1, 10], [1, 11], [2, new RecordedError("sold out")]]);
    const test = await testProcessor(url, { effects: { price } });
    await test.send(...[1, 1, 1, 2, 3].map((n) => ({ value: { n } })));
    assertEquals(test.outputs.map(({ value }) => value), [10, 11, 11, "sold out", "no answer was recorded for 3"]);
  });
});

Deno.test("several partitions keep the order in which they are sent; state and parameters can be given", async () => {
  const source = scriptOf(
    "context.emit({ value: [record.partition, String(record.offset), parameters().tax, context.state.get('x')] });",
  )
    .replace("import { ", "import { parameters, ");
  await withScript(source, async (url) => {
    const test = await testProcessor(url, { parameters: { tax: 7 }, state: { x: { deep: [1] } } });
    await test.send({ value: {}, partition: "b" }, { value: {}, partition: "a" }, { value: {}, partition: "b" });
    const x = { deep: [1] };
    assertEquals(test.outputs.map(({ value }) => value), [["b", "0", 7, x], ["a", "0", 7, x], ["b", "1", 7, x]]);
  });
});

Deno.test("a pipeline of a file is tested like a script, through a crash; of several one is named", async () => {
  const two = `
pipelines:
  - name: counts
    from: { clicks: { uri: file:clicks.ndjson, time: at } }
    steps: [{ key: user }, { window: { tumbling: 1m, aggregate: { n: count } } }]
    to: file:counts.ndjson
  - { name: copies, from: file:clicks.ndjson, to: file:copies.ndjson }
`;
  await using folder = new TestFolder();
  const url = pathToFileURL(folder.write("p.yaml", two));
  await assertRejects(() => testProcessor(url), Error, "name one of counts, copies with the option pipeline");
  const test = await testProcessor(url, { pipeline: "counts" });
  await test.send({ value: { user: "ann", at: 0 }, input: "clicks" });
  test.crash();
  await test.send({ value: { user: "ann", at: 1 }, input: "clicks" });
  assertEquals((await test.end()).map(({ value }) => value), [{ key: "ann", startMs: 0, endMs: 60_000, n: 2 }]);
});

Deno.test("what is not available in a run is not available in a test, and says what to use", async () => {
  await withScript(scriptOf("setTimeout(() => {}, 1);"), async (url) => {
    const test = await testProcessor(url);
    const { message } = await assertRejects(() => test.send({ value: {} }), TestedRecordFailed);
    assertStringIncludes(message, "use context.timers.set");
  });
});

Deno.test("a snapshot is stable and readable", async (t) => {
  const test = await testProcessor<typeof totals>(TOTALS);
  await test.send({ value: { id: "1", customer: "zoe", cents: 5 } }, { value: { id: "2", customer: "ann", cents: 6 } });
  await t.assertSnapshot(test.snapshot());
});

Deno.test("a thousand small tests take no seconds, each with modules of its own", async () => {
  const startMs = performance.now();
  for (let i = 0; i < 1000; i++) {
    const test = await testProcessor<typeof totals>(TOTALS);
    await test.send({ value: { id: "1", customer: "ann", cents: i } });
    assertEquals(test.state, { ann: i });
  }
  console.log(`1,000 tests in ${((performance.now() - startMs) / 1000).toFixed(1)} s`);
});
