/** The order of several partitions, beside the plainest way to find it. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { nextRun } from "../../controller/merge.ts";
import type { Batch } from "../../engine/batch.ts";

function batchOf(timesMs: readonly number[]): Batch {
  const count = timesMs.length;
  return {
    stream: "s",
    partition: "0",
    count,
    bytes: new Uint8Array(0),
    ranges: new Uint32Array(4 * count),
    offsetWords: new Uint32Array(2 * count),
    offsetWidth: 2,
    eventTimesMs: Float64Array.from(timesMs),
    next: BigInt(count),
  };
}

/** Batch by batch, looks at all of them for every record. */
function plainly(batches: readonly (readonly number[])[]): number[] {
  const rows = batches.map(() => 0);
  const order: number[] = [];
  for (;;) {
    let first = -1;
    const at = (i: number) => Number.isFinite(batches[i][rows[i]]) ? batches[i][rows[i]] : -Infinity;
    for (let i = 0; i < batches.length; i++) {
      if (rows[i] < batches[i].length && (first < 0 || at(i) < at(first))) first = i;
    }
    if (first < 0) return order;
    order.push(first);
    rows[first]++;
  }
}

Deno.test("runs of records are in the order that looking at every partition for each record gives", () => {
  const time = fc.oneof(fc.integer({ min: 0, max: 6 }), fc.constantFrom(NaN, Infinity, -5));
  const partitions = fc.array(fc.array(time, { maxLength: 12 }), { maxLength: 6 });
  const property = fc.property(partitions, fc.integer({ min: 1, max: 5 }), (timesMs, rowsMax) => {
    const batches = timesMs.map(batchOf);
    for (const limit of [Infinity, rowsMax]) {
      const rows = batches.map(() => 0);
      const order: number[] = [];
      for (let run = nextRun(batches, rows, limit); run !== undefined; run = nextRun(batches, rows, limit)) {
        assertEquals(run.fromRow, rows[run.batch]);
        for (let row = run.fromRow; row < run.toRow; row++) order.push(run.batch);
        rows[run.batch] = run.toRow;
      }
      assertEquals(order, plainly(timesMs));
    }
  });
  const seed = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
  console.log(`seed ${seed}`);
  fc.assert(property, { seed, numRuns: 2_000 });
});
