/** Exploration finds what depends on feeds, crashes, order and time, names record and field, and is content otherwise. */

import { assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { pathToFileURL } from "node:url";
import { ExplorationFailed, explore, type ExploreOptions } from "../../testing.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const RECORDS = Array.from(
  { length: 12 },
  (_, n) => ({ value: { n }, partition: String(n % 2), eventTimeMs: 1000 + n }),
);

async function exploring(body: string, options: Partial<ExploreOptions> = {}): Promise<void> {
  await using folder = new TestFolder();
  await explore(pathToFileURL(folder.write("p.ts", scriptOf(body))), { records: RECORDS, runs: 50, ...options });
}

async function found(body: string, options: Partial<ExploreOptions> = {}): Promise<ExplorationFailed> {
  return await assertRejects(() => exploring(body, options), ExplorationFailed);
}

Deno.test("a processor that keeps everything in state is the same in every way it is fed", async () => {
  await exploring(`const n = (context.state.get<number>("n") ?? 0) + value.n; context.state.set("n", n);
    context.emit({ value: { n, chance: Math.random() } });`);
});

Deno.test("something kept in a module variable is found, with the record, the field and the smallest case", async () => {
  const error = await found("moduleCounter += value.n; context.emit({ value: { sum: moduleCounter } });");
  assertEquals(error.field, "output[0].sum");
  assertMatch(error.record!, /^records\/[01]@[1-5]$/);
  assertStringIncludes(error.message, "crashes after feeds");
  assertStringIncludes(error.message, "seed");
});

Deno.test("a merge that depends on which partition was faster is found", async () => {
  const body = `const last = context.state.get<number>("last") ?? -1; context.state.set("last", value.n);
    context.emit({ value: { n: value.n, after: last } });`;
  await exploring(body);
  const error = await found(body, { orders: true });
  assertEquals(error.field, "output[0].after");
  assertStringIncludes(error.message, "next partition");
});

Deno.test("a date that is the feed's and not the record's is found", async () => {
  const body = "context.emit({ value: { n: value.n, at: new Date().toISOString() } });";
  await exploring(body);
  const error = await found(body, { times: true });
  assertEquals(error.field, "output[0].at");
  assertStringIncludes(error.message, "time between records");
  await exploring(body, { times: true, clock: "event" });
});

Deno.test("state that differs at the end only is found as well", async () => {
  const error = await found("moduleCounter++; context.state.set('count', moduleCounter);");
  assertEquals([error.field, error.record], ['state["count"]', undefined]);
});

Deno.test("the same seed finds the same case", async () => {
  const body = "moduleCounter++; context.emit({ value: moduleCounter });";
  const [first, second] = [await found(body, { seed: 5 }), await found(body, { seed: 5 })];
  assertEquals(first.message, second.message);
});
