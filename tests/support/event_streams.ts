/** Streams of events for tests of single operators: two keys, times that rise, and an oracle over all of them. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { json, pipeline, type Stream } from "../../pipeline.ts";
import { assertSameUnder, feedings } from "./pipelines.ts";

export interface Event {
  readonly at: number;
  readonly n: number;
  readonly what?: string;
}

export const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 14);

export const events = fc.array(
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

export function through(use: (stream: Stream<Event>) => unknown, lateness = 0) {
  return () => pipeline("p", ({ from }) => use(from(json<Event>(), { time: ({ at }) => at, lateness })));
}

export async function check(
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
