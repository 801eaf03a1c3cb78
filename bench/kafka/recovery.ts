/** After kill -9, with a million keys of state: how long until new outputs are committed; and the peak of memory. */

import { sluiceArgs } from "./peers.ts";
import type { Place } from "./place.ts";
import { createTopic, writeOrders } from "./topics.ts";
import { Cluster } from "../../adapters/kafka/protocol/cluster.ts";
import { connectionOf } from "../../adapters/kafka/connection_settings.ts";
import { offsetOf } from "../../adapters/kafka/protocol/fetch.ts";

const KEYS = 1_000_000;
const PARTITIONS = 4;

/** Prints the time to the first new committed output, and the peak of memory. */
export async function measureRecovery(place: Place): Promise<void> {
  const { address } = place;
  const [input, output] = ["orders-keys", `out-${crypto.randomUUID()}`];
  await writeOrders(address, input, PARTITIONS, KEYS, KEYS);
  await createTopic(address, output, PARTITIONS);
  const args = [...sluiceArgs("totals", { ...place, input, output })];
  const start = () => new Deno.Command(Deno.execPath(), { args, stdout: "null", stderr: "inherit" }).spawn();
  const first = start();
  while (await endOf(address, output) < KEYS) await pause(50);
  const peak = Number(/VmHWM:\s+(\d+)/.exec(await Deno.readTextFile(`/proc/${first.pid}/status`))?.[1] ?? 0) / 1024;
  first.kill("SIGKILL");
  await first.status;
  await writeMore(address, input);
  const before = await endOf(address, output);
  const startMs = performance.now();
  const second = start();
  while (await endOf(address, output) === before) await pause(5);
  const timeMs = performance.now() - startMs;
  second.kill("SIGKILL");
  await second.status;
  console.log(
    `recovery after kill -9 with ${KEYS} keys: first new committed output after ${
      (timeMs / 1000).toFixed(2)
    } s (wanted 3); ` +
      `peak memory ${peak.toFixed(0)} MB (wanted 350)`,
  );
}

async function writeMore(address: string, topic: string): Promise<void> {
  const { KafkaWriter } = await import("../../adapters/kafka/writer.ts");
  const { packOutputs } = await import("../../formats/unpacked_outputs.ts");
  const options = { topic, compression: "none", hasOrigin: false } as const;
  const writer = await KafkaWriter.open({ brokers: [address], topic: options, settings: new Map() });
  const value = '{"id":"o","customer":"customer-0000001","cents":1}';
  await writer.write(packOutputs([{ name: 0, key: "customer-0000001", value, timeMs: Date.now() }]));
  writer.close();
}

/** The sum of all partitions' ends. */
async function endOf(address: string, topic: string): Promise<number> {
  const cluster = await Cluster.connect(connectionOf([address], new Map()));
  let sum = 0n;
  for (let partition = 0; partition < PARTITIONS; partition++) {
    sum += (await offsetOf(await cluster.leaderOf(topic, partition), { topic, partition }, "latest"))!;
  }
  cluster.close();
  return Number(sum);
}

function pause(timeMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeMs));
}
