/**
 * Many partitions in one process, beside few: whole runs, as everywhere; and what more records take, three million more in
 * runs that are alike in all else, in which what a start costs is not.
 */

import { contenders } from "./peers.ts";
import type { Place } from "./place.ts";
import { createUsedTopic, writeOrders } from "./topics.ts";

const ROUNDS = 5;
const [FEW, MANY] = [4, 64];
const [SOME_RECORDS, MORE_RECORDS] = [1_000_000, 4_000_000];

interface Case {
  readonly partitions: number;
  readonly records: number;
  readonly timesMs: number[];
}

/** See the module. */
export async function measurePartitions(place: Place): Promise<void> {
  const cases: readonly Case[] = [FEW, MANY].flatMap((partitions) =>
    [SOME_RECORDS, MORE_RECORDS].map((records) => ({ partitions, records, timesMs: [] }))
  );
  for (const { partitions, records } of cases) {
    await writeOrders(place.address, inputOf({ partitions, records }), partitions, records);
  }
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of cases.toSorted(() => Math.random() - 0.5)) each.timesMs.push(await timeOf(place, each));
  }
  report(cases);
}

async function timeOf(place: Place, { partitions, records }: Case): Promise<number> {
  const output = `out-${crypto.randomUUID()}`;
  await createUsedTopic(place.address, output, partitions);
  const [sluice] = contenders("map", records);
  return await sluice.run({ ...place, input: inputOf({ partitions, records }), output });
}

function inputOf({ partitions, records }: Pick<Case, "partitions" | "records">): string {
  return `orders-${partitions}-${records}`;
}

function report(cases: readonly Case[]): void {
  const [fewSome, fewMore, manySome, manyMore] = cases.map(({ timesMs }) =>
    timesMs.toSorted((a, b) => a - b)[timesMs.length >> 1]
  );
  const ratio = ((fewMore - fewSome) / (manyMore - manySome)).toFixed(2);
  for (const { partitions, records, timesMs } of cases) {
    const seconds = timesMs.toSorted((a, b) => a - b).map((timeMs) => (timeMs / 1000).toFixed(1)).join(", ");
    console.log(`map     ${partitions} partitions, ${records} records, whole runs: ${seconds} s`);
  }
  const whole = [fewSome / manySome, fewMore / manyMore].map((each) => each.toFixed(2));
  console.log(`map     ${MANY} partitions, whole runs: ${whole.join(" and ")} of the rate with ${FEW} (wanted 0.7)`);
  console.log(`map     ${MANY} partitions, without the start: ${ratio} of the rate with ${FEW}`);
}
