/** From append to readable output, at 5,000 records per second; and what other clients of the server feel. */

import { Redis } from "ioredis";
import { type Job, sluiceArgs } from "./peers.ts";

const RATE = 5_000;
const SECONDS = 15;
const TICK_MS = 5;
/** Whoever is measured is to be at work already. */
const WARM_MS = 4_000;

/** Prints p50 and p99 of a run that follows its input. */
export async function measureLatency(job: Job): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), { args: [...sluiceArgs(job)], stdout: "null", stderr: "inherit" })
    .spawn();
  const delaysMs: number[] = [];
  const endMs = performance.now() + WARM_MS + 1000 * SECONDS;
  const reading = read(job, delaysMs, endMs);
  await write(job, endMs);
  await reading;
  child.kill("SIGKILL");
  await child.status;
  delaysMs.sort((a, b) => a - b);
  const at = (part: number) => delaysMs[Math.floor(part * delaysMs.length)];
  console.log(
    `latency ${delaysMs.length} records at ${RATE}/s: p50 ${at(0.5)} ms (wanted 15), p99 ${at(0.99)} ms (wanted 50)`,
  );
}

async function write({ address, input }: Job, endMs: number): Promise<void> {
  const redis = await connect(address);
  let due = 0;
  for (let lastMs = performance.now(); lastMs < endMs;) {
    await new Promise((resolve) => setTimeout(resolve, TICK_MS));
    const nowMs = performance.now();
    due += (nowMs - lastMs) * RATE / 1000;
    lastMs = nowMs;
    const pipeline = redis.pipeline();
    for (; due >= 1; due--) pipeline.xadd(input, "*", "v", `{"cents":1,"at":${Date.now()}}`, "k", "c");
    await pipeline.exec();
  }
  redis.disconnect();
}

async function read({ address, output }: Job, delaysMs: number[], endMs: number): Promise<void> {
  const redis = await connect(address);
  const warmMs = performance.now() + WARM_MS;
  let last = "0";
  while (performance.now() < endMs) {
    const reply = await redis.xread("COUNT", 1000, "BLOCK", 100, "STREAMS", output, last);
    const nowMs = Date.now();
    for (const [id, fields] of reply?.[0][1] ?? []) {
      if (performance.now() > warmMs) delaysMs.push(nowMs - (JSON.parse(fields[1]) as { readonly at: number }).at);
      last = id;
    }
  }
  redis.disconnect();
}

/** Runs `work` and meanwhile asks for a PING again and again; answers its p99, in milliseconds. */
export async function pingDuring(address: string, work: () => Promise<unknown>): Promise<number> {
  const redis = await connect(address);
  const timesMs: number[] = [];
  let isDone = false;
  const pinging = (async () => {
    while (!isDone) {
      const startMs = performance.now();
      await redis.ping();
      timesMs.push(performance.now() - startMs);
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
  })();
  await work();
  isDone = true;
  await pinging;
  redis.disconnect();
  return timesMs.sort((a, b) => a - b)[Math.floor(0.99 * timesMs.length)];
}

async function connect(address: string): Promise<Redis> {
  const [host, port] = address.split(":");
  const redis = new Redis({ host, port: Number(port), lazyConnect: true });
  await redis.connect();
  return redis;
}
