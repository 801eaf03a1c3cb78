/** Benthos, which is Redpanda Connect today: it never ends by itself, so it is stopped when its output is complete. */

import { join } from "node:path";
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
  let hasEnded = false;
  child.status.then(() => hasEnded = true);
  const [host, port] = address.split(":");
  const redis = new Redis({ host, port: Number(port) });
  let startMs = 0;
  for (let written = 0; written < records && !hasEnded;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    written = await redis.xlen(output);
    if (written > 0 && startMs === 0) startMs = performance.now();
  }
  const timeMs = performance.now() - startMs;
  if (hasEnded) throw new Error(`Cannot measure ${program}: it ended before its output was complete`);
  child.kill("SIGTERM");
  await child.status;
  await redis.xgroup("DESTROY", input, output);
  redis.disconnect();
  return timeMs;
}
