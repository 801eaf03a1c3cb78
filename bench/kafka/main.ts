/**
 * Kafka to Kafka beside its peers: one broker, one run, every contender over the same topic, in shuffled rounds. Run with
 * `deno task bench:kafka [map|totals|latency|stages|partitions|memory|recovery]`; with `SLUICE_PROTOTYPE=folder` the
 * prototype takes part.
 *
 * Sluice is timed as a whole: journal with its syncs, sandbox, connections, from its first step to its last commit. Its
 * peers are timed from their first record to their last commit, without the start of their virtual machine or group.
 */

import { fileURLToPath } from "node:url";
import { startKafka } from "../../tools/services/kafka.ts";
import { stop } from "../../tools/services/services.ts";
import { measureLatency } from "./latency.ts";
import { measureMemory } from "./memory.ts";
import { measurePartitions } from "./partitions.ts";
import { type Contender, contenders } from "./peers.ts";
import { measureRecovery } from "./recovery.ts";
import { measureStages } from "./stages.ts";
import { createTopic, writeOrders } from "./topics.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROUNDS = 3;
const RECORDS = 1_000_000;
const PARTITIONS = 4;

const only = Deno.args[0];
const folder = await Deno.makeTempDir({ prefix: "sluice-bench-kafka-" });
const { pid, address } = await startKafka(folder);
const place = { address, folder, here: HERE };
try {
  await writeOrders(address, "orders", PARTITIONS, RECORDS);
  if (!only || only === "map") await race("map", "orders");
  if (!only || only === "totals") await race("totals", "orders");
  if (!only || only === "partitions") await measurePartitions(place);
  if (!only || only === "stages") await measureStages(address, "orders");
  if (!only || only === "latency") await measureLatency(place);
  if (!only || only === "memory") await measureMemory(place);
  if (!only || only === "recovery") await measureRecovery(place);
} finally {
  await stop({ pid, address, folder });
}

/** Runs every contender of `job` in rounds; prints medians, and the ratio of Sluice to each peer. */
async function race(job: "map" | "totals", input: string): Promise<void> {
  const all = contenders(job, RECORDS);
  const rates = await rounds(all, input);
  for (const { name, wanted, beside = "sluice" } of all) {
    const sluice = median(rates.get(beside)!);
    const rate = median(rates.get(name)!);
    const spread = rates.get(name)!.map((each) => Math.round(each / 1000)).sort((a, b) => a - b).join(", ");
    const ratio = wanted === undefined ? "" : `sluice is ${(sluice / rate).toFixed(2)} × (wanted ${wanted})`;
    console.log(
      `${job.padEnd(7)} ${name.padEnd(28)} ${String(Math.round(rate / 1000)).padStart(4)} k/s (${spread}) ${ratio}`,
    );
  }
}

async function rounds(all: readonly Contender[], input: string): Promise<ReadonlyMap<string, readonly number[]>> {
  const rates = new Map<string, number[]>();
  for (let round = 0; round < ROUNDS; round++) {
    for (const contender of all.toSorted(() => Math.random() - 0.5)) {
      const output = `out-${contender.name.replaceAll(/[^a-z0-9]+/gi, "-")}-${crypto.randomUUID()}`;
      await createTopic(address, output, PARTITIONS);
      const timeMs = await contender.run({ ...place, input, output });
      rates.set(contender.name, [...rates.get(contender.name) ?? [], contender.records / timeMs * 1000]);
    }
  }
  return rates;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
