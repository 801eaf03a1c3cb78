/** What a run takes of memory at its peak; more records are to need no more of it. */

import { peakMemoryMb } from "../peak_memory.ts";
import { sluiceArgs } from "./peers.ts";
import type { Place } from "./place.ts";
import { createUsedTopic, writeOrders } from "./topics.ts";

const ROUNDS = 3;
const PARTITIONS = 4;
const CASES = [
  { job: "map", records: 1_000_000, wanted: "350" },
  { job: "map", records: 4_000_000, wanted: "350" },
  { job: "totals", records: 1_000_000, wanted: "that of map, and its keys" },
] as const;

/** Prints the peak of each case, lowest round first. */
export async function measureMemory(place: Place): Promise<void> {
  for (const { job, records, wanted } of CASES) {
    const input = `memory-${job}-${records}`;
    await writeOrders(place.address, input, PARTITIONS, records);
    const peaks: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const output = `out-${crypto.randomUUID()}`;
      await createUsedTopic(place.address, output, PARTITIONS);
      const args = sluiceArgs(job, { ...place, input, output });
      peaks.push(await peakMemoryMb([...args, "--until-end", "--quiet"]));
    }
    const shown = peaks.sort((a, b) => a - b).join(", ");
    console.log(`memory  ${job}, ${records} records: ${shown} MB (wanted ${wanted})`);
  }
}
