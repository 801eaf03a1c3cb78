/**
 * Prints how many bytes of the last feeds of some realms nothing gives back (`held`), how many only a search of the whole
 * heap does (`left`), and how many were fed. Run with `--v8-flags=--expose-gc`, by `garbage_test.ts`.
 */

import { sliceBatch } from "../../engine/batch.ts";
import { batchOf, codeOf, openCell, runFeed } from "../support/cells.ts";
import { scriptOf } from "../support/processor_script.ts";

const { gc } = globalThis as unknown as { gc(options: { readonly type: "minor" | "major" }): void };
const CELLS = 8;
const RECORDS = 4000;
const RECORD_BYTES = 250;

const code = await codeOf(scriptOf("context.emit({ value });"));
const cells = Array.from({ length: CELLS }, () => openCell(code));
const batch = batchOf(Array.from({ length: RECORDS }, (_, i) => String(i).padEnd(RECORD_BYTES, "x")));

function feedAll(seq: number, records: number): void {
  for (const cell of cells) {
    const { bytes, ranges, offsetWords } = batch;
    const copy = { ...batch, bytes: bytes.slice(), ranges: ranges.slice(), offsetWords: offsetWords.slice() };
    runFeed(cell, [sliceBatch(copy, 0, records)], { seq });
  }
}

/** Bytes in use once all garbage is gone; what is left then is old. */
function usedBytes(): number {
  for (let i = 0; i < 2; i++) gc({ type: "major" });
  return Deno.memoryUsage().heapUsed;
}

for (let seq = 0; seq < 3; seq++) feedAll(seq, RECORDS);
feedAll(3, 1);
const before = usedBytes();
feedAll(4, RECORDS);
for (let i = 0; i < 3; i++) gc({ type: "minor" });
const young = Deno.memoryUsage().heapUsed;
const after = usedBytes();
console.log(JSON.stringify({ held: after - before, left: young - after, fed: CELLS * batch.bytes.length }));
