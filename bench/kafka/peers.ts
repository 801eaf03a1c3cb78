/** Who does the same job: Sluice first, then others as their users write it. */

import { join } from "node:path";
import { kafkaJars } from "../../tools/services/kafka.ts";
import type { Place } from "./place.ts";
import { createTopic } from "./topics.ts";

/** A job from a topic to a topic. */
export interface Job extends Place {
  readonly input: string;
  readonly output: string;
}

/** See the module. */
export interface Contender {
  readonly name: string;
  /** What the ratio of Sluice to it is to be at least; absent for Sluice itself. */
  readonly wanted?: number;
  /** Whose rate is divided by its own, by name. @default {"sluice"} */
  readonly beside?: string;
  readonly records: number;
  /** Does the job; answers how many milliseconds it took. */
  run(job: Job): Promise<number>;
}

/** A peer that hangs, as one of them did once, is no reason to wait for ever. */
const TIMEOUT_MS = 120_000;
const CHECKPOINT_PARTITIONS = 4;
const WHOLE_PROCESS = "sluice, whole process";

/** Who takes part in a race; in that of maps the prototype too, where `SLUICE_PROTOTYPE` says where it is. */
export function contenders(job: "map" | "totals", records: number): readonly Contender[] {
  const sluice: Contender = { name: "sluice", records, run: (place) => runSluice(job, place) };
  const streams = [1, 2].map((threads): Contender => ({
    name: `Kafka Streams, ${threads} thread${threads > 1 ? "s" : ""}`,
    wanted: job === "map" ? 2.5 : 3,
    records,
    run: (place) => runJava(["streams", job], place, [String(records), String(threads)]),
  }));
  if (job === "totals") return [sluice, ...streams];
  const prototype = Deno.env.get("SLUICE_PROTOTYPE");
  return [
    sluice,
    ...prototype ? processes(prototype, records) : [],
    ...streams,
    { name: "Java loop", wanted: 1.5, records, run: (place) => runJava(["loop", job], place, [String(records), "1"]) },
    { name: "kafkajs loop", wanted: 6, records, run: (place) => runPeer("kafkajs_loop.ts", place, records) },
    {
      name: "platformatic loop",
      wanted: 3,
      records,
      run: (place) => runPeer("platformatic_loop.mjs", place, records),
    },
  ];
}

/** Sluice and the prototype, which tells no time that includes its connections, as processes. */
function processes(prototype: string, records: number): readonly Contender[] {
  const sluice = (job: Job) => timedProcess(job, [...sluiceArgs("map", job), "--until-end", "--json"]);
  return [
    { name: WHOLE_PROCESS, records, run: sluice },
    {
      name: "prototype, whole process",
      wanted: 0.7,
      beside: WHOLE_PROCESS,
      records,
      run: (job) => runPrototype(prototype, job),
    },
  ];
}

/** The arguments of a run of Sluice. */
export function sluiceArgs(job: "map" | "totals", { address, folder, here, input, output }: Job): readonly string[] {
  return ["run", "--quiet", "-A", join(here, "../../cli/main.ts"), "run", join(here, `processors/${job}.ts`)]
    .concat(["--from", `kafka://${address}/${input}`, "--to", `kafka://${address}/${output}`, "--name", output])
    .concat(["--journal", join(folder, `${output}.db`)]);
}

async function runSluice(job: "map" | "totals", place: Job): Promise<number> {
  const stdout = await output(Deno.execPath(), [...sluiceArgs(job, place), "--until-end", "--json"]);
  return (JSON.parse(stdout) as { readonly elapsedMs: number }).elapsedMs;
}

async function runJava(kind: readonly string[], place: Job, more: readonly string[]): Promise<number> {
  return Number(
    await output("java", await javaArgs("Peer", place, [...kind, place.address, place.input, place.output, ...more])),
  );
}

/** What starts a program of `java/`. */
export async function javaArgs(program: string, { here }: Place, args: readonly string[]): Promise<readonly string[]> {
  const quiet = "-Dorg.slf4j.simpleLogger.defaultLogLevel=error";
  return ["-Xmx1g", quiet, "-cp", `${await kafkaJars()}/*`, join(here, `java/${program}.java`), ...args];
}

async function runPeer(script: string, place: Job, records: number): Promise<number> {
  const isolated = script.endsWith(".mjs") ? ["--no-config", "--no-lock"] : [];
  const args = [join(place.here, "peers", script), place.address, place.input, place.output, String(records)];
  return Number(await output(Deno.execPath(), ["run", "--quiet", "-A", ...isolated, ...args]));
}

/** The whole process, from its start to what it prints after its last commit; with its topic of checkpoints there. */
async function timedProcess({ address, output }: Job, args: readonly string[]): Promise<number> {
  await createTopic(address, `${output}-checkpoints`, CHECKPOINT_PARTITIONS);
  const startMs = performance.now();
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const options: Deno.CommandOptions = { args: [...args], stdout: "piped", stderr: "null", signal };
  const child = new Deno.Command(Deno.execPath(), options).spawn();
  let text = "";
  for await (const part of child.stdout.pipeThrough(new TextDecoderStream())) {
    text += part;
    if (!text.includes("\n")) continue;
    const timeMs = performance.now() - startMs;
    // The prototype may hang when it closes its connections.
    child.kill();
    await child.status;
    return timeMs;
  }
  throw new Error(`${args.join(" ")} has printed nothing`);
}

function runPrototype(folder: string, job: Job): Promise<number> {
  const flags = ["run", "--quiet", "-A", "--no-config", "--no-lock", "--unstable-worker-options"];
  return timedProcess(job, [...flags, join(folder, "run.ts"), job.address, job.output, job.input, job.output]);
}

/** Runs a program; answers what it prints. */
export async function output(program: string, args: readonly string[]): Promise<string> {
  const signal = AbortSignal.timeout(TIMEOUT_MS);
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], signal }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`${program} ${args.join(" ")}: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  return decoder.decode(stdout);
}
