/**
 * Many partitions in one process, beside few: each a task of its own, which is what one gets, or eight of them a task
 * (`--tasks 8`), as docs/KAFKA.md advises. Whole runs, as everywhere; and what more records take, three million more in runs
 * that are alike in all else, in which what a start costs is not.
 */

import { contenders } from "./peers.ts";
import type { Place } from "./place.ts";
import { createUsedTopic, writeOrders } from "./topics.ts";

const ROUNDS = 5;
const [FEW, MANY] = [4, 64];
const [SOME_RECORDS, MORE_RECORDS] = [1_000_000, 4_000_000];

const TASKS_FEW = 8;

interface Layout {
  readonly name: string;
  readonly partitions: number;
  readonly tasks?: number;
}

const LAYOUTS: readonly Layout[] = [
  { name: `${FEW} partitions`, partitions: FEW },
  { name: `${MANY} partitions`, partitions: MANY },
  { name: `${MANY} partitions, ${TASKS_FEW} tasks`, partitions: MANY, tasks: TASKS_FEW },
];

interface Case {
  readonly layout: Layout;
  readonly records: number;
  readonly timesMs: number[];
}

/** See the module. */
export async function measurePartitions(place: Place): Promise<void> {
  for (const partitions of [FEW, MANY]) {
    for (const records of [SOME_RECORDS, MORE_RECORDS]) {
      await writeOrders(place.address, inputOf(partitions, records), partitions, records);
    }
  }
  const cases: readonly Case[] = LAYOUTS.flatMap((layout) =>
    [SOME_RECORDS, MORE_RECORDS].map((records) => ({ layout, records, timesMs: [] }))
  );
  for (let round = 0; round < ROUNDS; round++) {
    for (const each of cases.toSorted(() => Math.random() - 0.5)) each.timesMs.push(await timeOf(place, each));
  }
  report(cases);
}

async function timeOf(place: Place, { layout: { partitions, tasks }, records }: Case): Promise<number> {
  const output = `out-${crypto.randomUUID()}`;
  await createUsedTopic(place.address, output, partitions);
  const [sluice] = contenders("map", records);
  const input = inputOf(partitions, records);
  return await sluice.run({ ...place, input, output, ...(tasks === undefined ? {} : { tasks }) });
}

function inputOf(partitions: number, records: number): string {
  return `orders-${partitions}-${records}`;
}

function report(cases: readonly Case[]): void {
  for (const { layout: { name }, records, timesMs } of cases) {
    const seconds = timesMs.toSorted((a, b) => a - b).map((timeMs) => (timeMs / 1000).toFixed(2)).join(", ");
    console.log(`map     ${name}, ${records} records, whole runs: ${seconds} s`);
  }
  const [few, ...many] = LAYOUTS.map((layout) => mediansOf(cases.filter((each) => each.layout === layout)));
  for (const [i, medians] of many.entries()) {
    const whole = medians.map((timeMs, j) => (few[j] / timeMs).toFixed(2)).join(" and ");
    const slope = ((few[1] - few[0]) / (medians[1] - medians[0])).toFixed(2);
    console.log(
      `map     ${LAYOUTS[i + 1].name}: ${whole} of the rate with ${FEW} (wanted 0.7), ${slope} without the start`,
    );
  }
}

function mediansOf(cases: readonly Case[]): readonly number[] {
  return cases.map(({ timesMs }) => timesMs.toSorted((a, b) => a - b)[timesMs.length >> 1]);
}
