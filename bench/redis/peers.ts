/** Who does the same job: Sluice first, then others as their users write it. */

import { join } from "node:path";
import { cacheFolder } from "../../tools/services/cache.ts";
import { requireProgram, runProgram } from "../../tools/services/server.ts";
import { buildBenthos, runBenthos } from "./benthos.ts";

/** A job from a stream to a stream. */
export interface Job {
  readonly address: string;
  readonly folder: string;
  readonly here: string;
  readonly input: string;
  readonly output: string;
  readonly records: number;
}

/** See the module. */
export interface Contender {
  readonly name: string;
  /** What the ratio of Sluice to it is to be at least. */
  readonly wanted: number;
  /** It would take minutes for more. */
  readonly recordsMax?: number;
  /** Does the job; answers how many milliseconds it took. */
  run(job: Job): Promise<number>;
}

/** A peer that hangs is no reason to wait for ever. */
const TIMEOUT_MS = 300_000;

/** Who takes part; the prototype where `SLUICE_PROTOTYPE` says where it is. */
export async function contenders(here: string): Promise<readonly Contender[]> {
  const rust = await rustPeers(here);
  const benthos = await buildBenthos(here);
  const prototype = Deno.env.get("SLUICE_PROTOTYPE");
  return [
    { name: "sluice", wanted: 1, run: runSluice },
    { name: "bare loop, MULTI/EXEC (Rust)", wanted: 0.5, run: (job) => peer(join(rust, "bare"), [], job) },
    { name: "Redpanda Connect (Benthos 4.27)", wanted: 3, run: (job) => runBenthos(benthos, job) },
    { name: "SeaStreamer", wanted: 2, run: (job) => peer(join(rust, "seastreamer"), ["map"], job) },
    { name: "ioredis, pipelines of 100", wanted: 3, run: (job) => ioredis("pipeline", job) },
    { name: "ioredis, each awaited", wanted: 15, recordsMax: 50_000, run: (job) => ioredis("each", job) },
    ...prototype ? [{ name: "prototype", wanted: 0.7, run: (job: Job) => runPrototype(prototype, job) }] : [],
  ];
}

/** The arguments of a run of Sluice. */
export function sluiceArgs({ address, folder, here, input, output }: Job): readonly string[] {
  return ["run", "--quiet", "-A", join(here, "../../cli/main.ts"), "run", join(here, "../kafka/processors/map.ts")]
    .concat(["--from", `redis://${address}/${input}?key=k`, "--to", `redis://${address}/${output}`, "--name", output])
    .concat(["--journal", join(folder, `${output}.db`)]);
}

async function runSluice(job: Job): Promise<number> {
  const stdout = await output(Deno.execPath(), [...sluiceArgs(job), "--until-end", "--json"]);
  return (JSON.parse(stdout) as { readonly elapsedMs: number }).elapsedMs;
}

async function ioredis(mode: string, job: Job): Promise<number> {
  const script = join(job.here, "peers/ioredis_loop.ts");
  return await peer(Deno.execPath(), ["run", "--quiet", "-A", script, mode], job);
}

async function peer(program: string, first: readonly string[], job: Job): Promise<number> {
  return Number(await output(program, [...first, job.address, job.input, job.output, String(job.records)]));
}

/** It tells how long it took on its last line. */
async function runPrototype(folder: string, { address, input, output: to }: Job): Promise<number> {
  const args = ["run", "--quiet", "-A", join(folder, "loop.ts"), `redis://${address}`, input, to, "1000"];
  const startMs = performance.now();
  await output(Deno.execPath(), args);
  return performance.now() - startMs;
}

/** Builds the peers in Rust once; answers the folder of their programs. */
export async function rustPeers(here: string): Promise<string> {
  await requireProgram("cargo", "apt-get install -y cargo");
  const target = join(cacheFolder(), "redis-peers");
  await runProgram("cargo", ["build", "--release", "--quiet", "--target-dir", target], join(here, "rust"));
  return join(target, "release");
}

/** Runs a program; answers what it prints. */
export async function output(program: string, args: readonly string[]): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], signal }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  return decoder.decode(stdout);
}
