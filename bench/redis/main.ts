/**
 * Redis to Redis beside its peers: one server, one run, every contender over the same stream, in shuffled rounds. Run with
 * `deno task bench:redis [map|ping|million|stages|latency|memory]`; with `SLUICE_PROTOTYPE=folder` the prototype takes part.
 *
 * Sluice is timed as a whole: journal with its syncs, sandbox, connections, from its first step to its last commit. Its
 * peers are timed from their first record to their last commit.
 */

import { fileURLToPath } from "node:url";
import { redisCli, startRedisServer } from "../../tools/services/redis.ts";
import { stop } from "../../tools/services/services.ts";
import { peakMemoryMb } from "../peak_memory.ts";
import { measureLatency, pingDuring } from "./latency.ts";
import { type Contender, contenders, type Job, sluiceArgs } from "./peers.ts";
import { measureStages } from "./stages.ts";
import { writeOrders } from "./streams.ts";

const HERE = fileURLToPath(new URL(".", import.meta.url));
const ROUNDS = 5;
const RECORDS = 200_000;
const MILLION = 1_000_000;

const only = Deno.args[0];
const folder = await Deno.makeTempDir({ prefix: "sluice-bench-redis-" });
const server = await startRedisServer({ folder });
const { address } = server;
try {
  await writeOrders(address, "orders", RECORDS);
  if (!only || only === "map") await race("orders", RECORDS, await contenders(HERE), ROUNDS);
  if (!only || only === "ping") await measurePing();
  if (!only || only === "million") await million();
  if (!only || only === "stages") await measureStages(address, HERE);
  if (!only || only === "latency") await measureLatency(jobOf("live", "sluice", 0));
  if (!only || only === "memory") await measureMemory();
} finally {
  await stop(server);
}

function jobOf(input: string, who: string, records: number): Job {
  const made = `out-${who.replaceAll(/[^a-z0-9]+/gi, "-")}-${crypto.randomUUID()}`;
  return { address, folder, here: HERE, input, output: made, records };
}

/** Prints medians, and the ratio of Sluice to each. */
async function race(input: string, records: number, all: readonly Contender[], rounds: number): Promise<void> {
  const rates = new Map<string, number[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds; round++) {
    for (const { name, recordsMax = records, run } of all.toSorted(() => Math.random() - 0.5)) {
      const job = jobOf(input, name, Math.min(records, recordsMax));
      rates.get(name)!.push(job.records / await run(job) * 1000);
      await redisCli(address, "DEL", job.output);
    }
  }
  const sluice = median(rates.get("sluice")!);
  for (const { name, wanted } of all) {
    const rate = median(rates.get(name)!);
    const spread = rates.get(name)!.map((each) => Math.round(each / 1000)).sort((a, b) => a - b).join(", ");
    const ratio = name === "sluice" ? "" : `sluice is ${(sluice / rate).toFixed(2)} × (wanted ${wanted})`;
    console.log(
      `map ${records} ${name.padEnd(31)} ${String(Math.round(rate / 1000)).padStart(4)} k/s (${spread}) ${ratio}`,
    );
  }
}

/** What another client feels; in runs of their own, because asking so often takes time from whoever is measured. */
async function measurePing(): Promise<void> {
  const [{ run }] = await contenders(HERE);
  const timesMs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    timesMs.push(await pingDuring(address, () => run(jobOf("orders", "ping", RECORDS))));
  }
  const shown = timesMs.map((timeMs) => timeMs.toFixed(1)).join(", ");
  console.log(`ping    p99 of another client's PING ${median(timesMs).toFixed(1)} ms (${shown}; wanted 10)`);
}

async function million(): Promise<void> {
  await writeOrders(address, "many-orders", MILLION);
  const wanted = ["sluice", "bare loop, MULTI/EXEC (Rust)", "ioredis, pipelines of 100"];
  await race("many-orders", MILLION, (await contenders(HERE)).filter(({ name }) => wanted.includes(name)), 3);
}

/** The most memory that runs over ever more records take. */
async function measureMemory(): Promise<void> {
  for (const records of [RECORDS, MILLION]) {
    const input = `memory-${records}`;
    await writeOrders(address, input, records);
    const job = jobOf(input, "sluice", records);
    const peakMb = await peakMemoryMb([...sluiceArgs(job), "--until-end", "--quiet"]);
    console.log(`memory  ${records} records: ${peakMb} MB (wanted 300)`);
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1];
}
