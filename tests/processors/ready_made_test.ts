/** The ready-made processors against what they say, over any JSON (property tests). */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { bundleProcessor } from "../../controller/sandbox/bundle.ts";
import { fileURLToPath } from "node:url";
import { compileCondition } from "../../processors/condition.ts";
import { compileMapping } from "../../processors/mapping.ts";
import { READY_MADE } from "../../processors/ready_made.ts";
import { batchOf, emitted, openCell, runFeed } from "../support/cells.ts";

async function run(name: string, parameters: Record<string, unknown>, values: readonly unknown[]): Promise<unknown[]> {
  const { module } = READY_MADE.find((known) => known.name === name)!;
  const { code } = await bundleProcessor(fileURLToPath(module), { parameters });
  const cell = openCell(code);
  return values.length === 0 ? [] : emitted(runFeed(cell, [batchOf(values)]));
}

const record = fc.record({
  n: fc.integer({ min: 0, max: 9 }),
  text: fc.string(),
  deep: fc.record({ flag: fc.boolean() }),
});
const records = fc.array(record, { maxLength: 30 });

Deno.test("copy gives every record back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 20 }), async (values) => {
      assertEquals(JSON.stringify(await run("copy", {}, values)), JSON.stringify(values));
    }),
    { numRuns: 20 },
  );
});

Deno.test("filter keeps the records that comply, in order, and its complement the others", async () => {
  await fc.assert(
    fc.asyncProperty(records, async (values) => {
      const where = { n: { gt: 4 }, "deep.flag": true };
      const kept = await run("filter", { where }, values);
      const others = await run("filter", { where: { not: where } }, values);
      assertEquals(kept, values.filter(({ n, deep }) => n > 4 && deep.flag));
      assertEquals(kept.length + others.length, values.length);
    }),
    { numRuns: 20 },
  );
});

Deno.test("project picks, renames and computes", async () => {
  await fc.assert(
    fc.asyncProperty(records, async (values) => {
      const fields = {
        flag: "deep.flag",
        half: { div: ["n", 2] },
        kind: { value: "x" },
        loud: { upper: "text" },
        none: "no.such",
      };
      const expected = values.map(({ n, text, deep }) => ({
        flag: deep.flag,
        half: n / 2,
        kind: "x",
        loud: text.toUpperCase(),
      }));
      assertEquals(await run("project", { fields }, values), expected);
    }),
    { numRuns: 20 },
  );
});

Deno.test("count-by counts every value up from one", async () => {
  await fc.assert(
    fc.asyncProperty(records, async (values) => {
      const counts = new Map<number, number>();
      const expected = values.map(({ n }) => {
        counts.set(n, (counts.get(n) ?? 0) + 1);
        return { by: n, count: counts.get(n) };
      });
      assertEquals(await run("count-by", { by: "n" }, values), expected);
    }),
    { numRuns: 20 },
  );
});

Deno.test("conditions and mappings that make no sense are refused by name", () => {
  assertThrows(() => compileCondition([]), TypeError, "an object is wanted");
  assertThrows(() => compileCondition({ a: { above: 3 } }), TypeError, "Cannot compare a by above");
  assertThrows(() => compileMapping({ a: { pow: ["b", 2] } }), TypeError, "Cannot compute a by");
  assertEquals(compileMapping({ a: { div: ["n", 0] } })({ n: 1 }), {});
});
