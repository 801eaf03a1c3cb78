/** Benthos, which is Redpanda Connect today: it never ends by itself, so it is stopped when its output is complete. */

import { join } from "@std/path";
import { Redis } from "ioredis";
import { cacheFolder } from "../../tools/services/cache.ts";
import { requireProgram, runProgram } from "../../tools/services/server.ts";
import type { Job } from "./peers.ts";

const LOOK_MS = 2;

/** Builds it once; answers its program. */
export async function buildBenthos(here: string): Promise<string> {
  await requireProgram("go", "apt-get install -y golang-go (1.21 or newer)");
  const program = join(cacheFolder(), "benthos");
  await runProgram("go", ["build", "-o", program, "."], join(here, "go"));
  return program;
}

/** Does `job`, at least once; answers how many milliseconds passed from its first output to its last. */
export async function runBenthos(program: string, { address, here, input, output, records }: Job): Promise<number> {
  const env = { ADDRESS: address, INPUT: input, OUTPUT: output };
  const child = new Deno.Command(program, { args: ["-c", join(here, "go/map.yaml")], env, stdout: "null" }).spawn();
  const [host, port] = address.split(":");
  const redis = new Redis({ host, port: Number(port) });
  try {
    return await timeOf(records, () => redis.xlen(output));
  } finally {
    child.kill("SIGTERM");
    await child.status;
    await redis.xgroup("DESTROY", input, output);
    redis.disconnect();
  }
}

async function timeOf(records: number, count: () => Promise<number>): Promise<number> {
  let startMs: number | undefined;
  for (let written = 0; written < records;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    written = await count();
    if (written > 0) startMs ??= performance.now();
  }
  return performance.now() - startMs!;
}
