/**
 * Soak: hours of steady load from Kafka through Sluice to Redis, and through another Sluice back to Kafka, while both are
 * killed at random. `deno task soak [--minutes 120] [--rate 500]`. Memory, handles and journals have to stay flat, and in the
 * end every record has to be there once, in order. The report goes to docs/SOAK.md.
 */

import { Command } from "commander";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { KafkaSource } from "../../adapters/kafka/source.ts";
import { KafkaWriter } from "../../adapters/kafka/writer.ts";
import { payloadAt } from "../../formats/record_payload.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";
import { startKafka } from "../../tools/services/kafka.ts";
import { startRedis } from "../../tools/services/redis.ts";
import { stop } from "../../tools/services/services.ts";
import { createTopic } from "../kafka/topics.ts";
import { Hop } from "./hop.ts";
import { reportOf, type Sample } from "./report.ts";

const REPORT = fileURLToPath(new URL("../../docs/SOAK.md", import.meta.url));
const SAMPLE_MS = 10_000;
const PUT_MS = 200;
const KEYS = 50;
const PARTITIONS = 2;
const KILL_EVERY_MS = { from: 20_000, to: 90_000 };
/** How long what was put last may take to arrive. */
const DRAIN_MS_MAX = 120_000;

const { minutes, rate, seed } = new Command("soak")
  .description("Steady load on Kafka → Redis → Kafka with random kills")
  .option("--minutes <number>", "how long", Number, 120)
  .option("--rate <number>", "records per second", Number, 500)
  .option("--seed <number>", "of the kills", Number, 1)
  .parse(["deno", "soak", ...Deno.args]).opts<{ minutes: number; rate: number; seed: number }>();

let chance = seed >>> 0;
const random = (): number => (chance = Math.imul(chance, 1664525) + 1013904223 >>> 0) / 2 ** 32;
const pause = (timeMs: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, timeMs));

const folder = await Deno.makeTempDir({ prefix: "sluice-soak-" });
const kafkaFolder = join(folder, "kafka");
const redisFolder = join(folder, "redis");
for (const each of [kafkaFolder, redisFolder]) await Deno.mkdir(each);
const kafka = await startKafka(kafkaFolder);
const redis = await startRedis(redisFolder);
for (const topic of ["in", "out"]) await createTopic(kafka.address, topic, PARTITIONS);
const there = new Hop("there", join(folder, "there"), `kafka://${kafka.address}/in`, `redis://${redis.address}/mid`);
const back = new Hop(
  "back",
  join(folder, "back"),
  `redis://${redis.address}/mid?key=k`,
  `kafka://${kafka.address}/out`,
);
const hops = [there, back];
const samples: Sample[] = [];
let put = 0;

try {
  for (const hop of hops) await hop.start();
  const endMs = performance.now() + minutes * 60_000;
  await Promise.all([load(endMs), watch(endMs), kill(endMs)]);
  const seen = await drained();
  const endings = hops.filter(({ endings }) => endings > 0).map((hop) =>
    `${hop.name} ended ${hop.endings} times by itself`
  );
  const problems = [...verify(seen), ...endings];
  for (const hop of hops) await hop.end();
  const text = reportOf({
    minutes,
    rate,
    seed,
    put,
    samples,
    kills: hops.map(({ name, kills }) => ({ name, kills })),
    problems,
  });
  await Deno.writeTextFile(REPORT, text);
  console.log(
    `${put} records, ${there.kills + back.kills} kills: ${
      problems.length === 0 ? "all there once" : problems.join("; ")
    }`,
  );
  Deno.exitCode = problems.length === 0 ? 0 : 1;
} finally {
  for (const hop of hops) await hop.end();
  await stop(kafka);
  await stop(redis);
}

/** So many records per second, each with a number that its key counts. */
async function load(endMs: number): Promise<void> {
  const topic = { topic: "in", compression: "none", hasOrigin: false } as const;
  const writer = await KafkaWriter.open({ brokers: [kafka.address], topic, settings: new Map() });
  for (let nextMs = performance.now(); nextMs < endMs; nextMs += PUT_MS) {
    await pause(Math.max(0, nextMs - performance.now()));
    const count = Math.round(rate * PUT_MS / 1000);
    const records = Array.from({ length: count }, (_, i) => {
      const number = put + i;
      const key = `k${number % KEYS}`;
      return { name: 0, key, value: JSON.stringify({ key, n: Math.floor(number / KEYS) }), timeMs: Date.now() };
    });
    await writer.write(packOutputs(records));
    put += count;
  }
  writer.close();
}

async function watch(endMs: number): Promise<void> {
  for (; performance.now() < endMs; await pause(SAMPLE_MS)) {
    samples.push({ atMs: performance.now(), put, hops: await Promise.all(hops.map((hop) => hop.sample())) });
  }
}

async function kill(endMs: number): Promise<void> {
  for (;;) {
    const { from, to } = KILL_EVERY_MS;
    const waitMs = from + random() * (to - from);
    if (performance.now() + waitMs > endMs) return;
    await pause(waitMs);
    await hops[Math.floor(random() * hops.length)].kill();
  }
}

/** The numbers of each key at the end of the way, as a reader of committed records sees them. */
async function drained(): Promise<ReadonlyMap<string, readonly number[]>> {
  const deadlineMs = performance.now() + DRAIN_MS_MAX;
  for (;;) {
    const seen = await readAll();
    const count = [...seen.values()].reduce((sum, { length }) => sum + length, 0);
    if (count >= put || performance.now() > deadlineMs) return seen;
    await pause(1000);
  }
}

async function readAll(): Promise<ReadonlyMap<string, readonly number[]>> {
  const options = { topics: ["out"], isBounded: true, start: "earliest", settings: new Map() } as const;
  const source = await KafkaSource.open({ brokers: [kafka.address], ...options });
  const decoder = new TextDecoder();
  const seen = new Map<string, number[]>();
  for (const at of await source.partitions()) {
    for (let from = await source.start(at);;) {
      const result = await source.read(at, from, { recordsMax: 10_000, bytesMax: 1 << 22, untilKnown: true });
      if (result.kind === "ended") break;
      if (result.kind !== "batch") continue;
      from = result.batch.next;
      for (let row = 0; row < result.batch.count; row++) {
        const { key, n } = JSON.parse(decoder.decode(payloadAt(result.batch, row).value!)) as {
          key: string;
          n: number;
        };
        const numbers = seen.get(key) ?? [];
        numbers.push(n);
        seen.set(key, numbers);
      }
    }
  }
  await source.close();
  return seen;
}

/** Each key counts from 0 on, without a gap and without a number twice. */
function verify(seen: ReadonlyMap<string, readonly number[]>): readonly string[] {
  const problems: string[] = [];
  let count = 0;
  for (const [key, numbers] of seen) {
    count += numbers.length;
    const at = numbers.findIndex((n, i) => n !== i);
    if (at >= 0) problems.push(`${key} goes on with ${numbers[at]} where ${at} is wanted`);
  }
  if (count !== put) problems.push(`${count} of ${put} records are there`);
  return problems;
}
