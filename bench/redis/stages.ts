/** Single stages beside SeaStreamer's own published case, 100,000 × 256 B: writing in exactly-once commits, reading. */

import { join } from "node:path";
import { RedisSink } from "../../adapters/redis/sink.ts";
import { RedisSource } from "../../adapters/redis/source.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";
import { output, rustPeers } from "./peers.ts";
import { serversAt } from "./streams.ts";

const ROUNDS = 3;
const RECORDS = 100_000;
const VALUE = "x".repeat(256);
/** As a feed is by default: 128 KiB of outputs. */
const COMMIT_RECORDS = 500;

/** Prints records per second of each stage, and of SeaStreamer. */
export async function measureStages(address: string, here: string): Promise<void> {
  const program = join(await rustPeers(here), "seastreamer");
  const peer = async (job: string, stream: string) => {
    const timeMs = Number(await output(program, [job, address, stream, stream, String(RECORDS)]));
    return Math.round(RECORDS / timeMs);
  };
  for (let round = 0; round < ROUNDS; round++) {
    const [ours, theirs] = [`stage-${crypto.randomUUID()}`, `stage-${crypto.randomUUID()}`];
    const produced = { ours: await produce(address, ours), theirs: await peer("produce", theirs) };
    const consumed = { ours: await consume(address, ours), theirs: await peer("consume", theirs) };
    console.log(
      `stages  256 B: commits of ${COMMIT_RECORDS} ${produced.ours} k/s (wanted 200; SeaStreamer ${produced.theirs}), ` +
        `read ${consumed.ours} k/s (wanted 150; SeaStreamer ${consumed.theirs})`,
    );
  }
}

async function produce(address: string, stream: string): Promise<number> {
  const targets = new Map([["default", { kind: "stream", key: stream, fields: { value: "v", key: "k" } } as const]]);
  const sink = await RedisSink.open({ address: serversAt(address), targets, run: stream });
  await sink.acquire("0", 0n);
  const one = { name: 0, key: null, value: VALUE, timeMs: Date.now() };
  const outputs = packOutputs(Array.from({ length: COMMIT_RECORDS }, () => one));
  const rest = {
    run: "bench",
    task: "0",
    outputs,
    outputNames: ["default"],
    positions: [],
    digest: new Uint8Array(16),
    epoch: 0n,
  };
  const startMs = performance.now();
  for (let seq = 0; seq < RECORDS / COMMIT_RECORDS; seq++) await sink.commit({ ...rest, seq });
  const timeMs = performance.now() - startMs;
  await sink.close();
  return Math.round(RECORDS / timeMs);
}

async function consume(address: string, stream: string): Promise<number> {
  const options = { streams: [{ stream }], fields: { value: "v" }, isBounded: true, start: "earliest" } as const;
  const source = await RedisSource.open({ ...options, address: serversAt(address) });
  const startMs = performance.now();
  let records = 0;
  for (let position = 0n;;) {
    const result = await source.read({ stream, partition: "0" }, position, { recordsMax: 1000, bytesMax: 1 << 20 });
    if (result.kind !== "batch") break;
    records += result.batch.count;
    position = result.batch.next;
  }
  const timeMs = performance.now() - startMs;
  await source.close();
  return Math.round(records / timeMs);
}
