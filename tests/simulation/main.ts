/** `deno task simulate`: many worlds, side by side, or one of them with all that happened in it. */

import { Command, InvalidArgumentError } from "commander";
import { loadSimulatedProcessors, type SimulatedProcessors } from "./processors.ts";
import { type Scenario, type ScenarioLimits, scenarioOf, type System, SYSTEMS } from "./scenario.ts";
import { type Outcome, simulate } from "./simulation.ts";

/** Of a world that fails, unless it is the only one. */
const TRACE_LINES = 60;
/** Worlds of one process: what engines keep of the realms of old ones is given back with it. */
const WORLDS_PER_PROCESS = 100;
/** How often many worlds are told of that are done. */
const TOLD_EVERY = 1000;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly source?: System;
  readonly sink?: System;
  readonly processes?: number;
  readonly jobs: number;
  readonly json?: boolean;
}

/** What is told of a world. */
interface Told {
  readonly seed: number;
  readonly source: System;
  readonly sink: System;
  readonly processes: number;
  readonly starts: number;
  readonly events: number;
  /** Of the trace: equal seeds give equal ones. */
  readonly digest: string;
  readonly error?: string;
  /** What happened last in one that fails. */
  readonly trace?: readonly string[];
}

const options = parse(Deno.args);
if (options.seed !== undefined) await showOne(options.seed, options);
else if (options.json) await tellAll(options);
else await runSideBySide(options);

function parse(args: readonly string[]): Options {
  return new Command("simulate")
    .description("Runs Sluice in simulated worlds where machines, disks, networks and servers fail")
    .option("--seeds <number>", "how many worlds", count, 1000)
    .option("--from <seed>", "the seed of the first one", count, 1)
    .option("--seed <seed>", "only this world, with all that happens in it", count)
    .option("--source <system>", `only worlds with this source: ${SYSTEMS.join(", ")}`, system)
    .option("--sink <system>", "only worlds with this sink", system)
    .option("--processes <number>", "only worlds in which so many processes share the run", count)
    .option("--jobs <number>", "processes side by side", count, navigator.hardwareConcurrency)
    .option("--json", "one line of JSON per world, in this process")
    .parse(["deno", "simulate", ...args]).opts<Options>();
}

function count(text: string): number {
  const number = Number(text);
  if (Number.isSafeInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError(`Cannot use ${text}: a whole number from 0 on is wanted`);
}

function system(text: string): System {
  const known = SYSTEMS.find((each) => each === text);
  if (known) return known;
  throw new InvalidArgumentError(`Cannot use ${text}: one of ${SYSTEMS.join(", ")} is wanted`);
}

function limitsOf({ source, sink, processes }: Options): ScenarioLimits {
  return {
    ...(source ? { sources: [source] } : {}),
    ...(sink ? { sinks: [sink] } : {}),
    ...(processes ? { processes } : {}),
  };
}

/** Does `work` with a folder in memory, where there is one: a world syncs its disks all the time. */
async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const dir = Deno.build.os === "linux" ? { dir: "/dev/shm" } : {};
  const folder = Deno.makeTempDirSync({ prefix: "sluice-simulation-", ...dir });
  try {
    await work(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}

async function showOne(seed: number, options: Options): Promise<void> {
  const scenario = scenarioOf(seed, limitsOf(options));
  const processors = await loadSimulatedProcessors();
  await withFolder(async (folder) => {
    const { trace, error, starts, outputs } = await simulate(scenario, processors, folder);
    for (const line of trace.lines) console.log(line);
    const { partitions, faults, ...rest } = scenario;
    console.log({ ...rest, records: partitions.map(({ length }) => length), faults });
    if (error) {
      console.log(`seed ${seed} (${pairOf(scenario)}) fails: ${error.message}`);
      console.log(error.cause ?? error);
      Deno.exitCode = 1;
    } else console.log(`seed ${seed}: ${starts} starts, ${outputs} outputs, trace ${trace.digest}`);
  });
}

async function tellAll(options: Options): Promise<void> {
  const processors = await loadSimulatedProcessors();
  await withFolder(async (folder) => {
    for (let seed = options.from; seed < options.from + options.seeds; seed++) {
      console.log(JSON.stringify(await tell(scenarioOf(seed, limitsOf(options)), processors, folder)));
    }
  });
}

async function tell(scenario: Scenario, processors: SimulatedProcessors, folder: string): Promise<Told> {
  const { seed, source, sink, processes } = scenario;
  const outcome: Outcome = await simulate(scenario, processors, folder);
  const { trace, starts, error } = outcome;
  const told = { seed, source, sink, processes, starts, events: trace.count, digest: trace.digest };
  return error ? { ...told, error: error.message, trace: trace.shortened(TRACE_LINES) } : told;
}

/** Processes take the next worlds when they have done theirs. */
async function runSideBySide(options: Options): Promise<void> {
  const end = options.from + options.seeds;
  const totals = { worlds: 0, starts: 0, events: 0, failed: 0 };
  let next = options.from;
  const work = async (): Promise<void> => {
    while (next < end) {
      const from = next;
      next = Math.min(end, next + WORLDS_PER_PROCESS);
      for await (const told of worldsOf(from, next - from, options)) {
        totals.worlds++;
        if (totals.worlds % TOLD_EVERY === 0) console.error(`${totals.worlds} of ${options.seeds} worlds`);
        totals.starts += told.starts;
        totals.events += told.events;
        if (told.error === undefined) continue;
        totals.failed++;
        console.log(`seed ${told.seed} (${pairOf(told)}) fails: ${told.error}`);
        for (const line of told.trace ?? []) console.log(`  ${line}`);
        console.log(
          `  again: deno task simulate --seed ${told.seed}${limitsAsArgs(options).map((arg) => ` ${arg}`).join("")}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, options.jobs) }, work));
  const { worlds, starts, events, failed } = totals;
  console.log(`${worlds} worlds, ${starts} starts, ${events} events: ${failed} failed`);
  if (failed > 0 || worlds !== options.seeds) Deno.exitCode = 1;
}

function pairOf({ source, sink, processes }: Pick<Scenario, "source" | "sink" | "processes">): string {
  return `${source} → ${sink}${processes > 1 ? `, ${processes} processes` : ""}`;
}

/** A seed means something else where it may decide less. */
function limitsAsArgs({ source, sink, processes }: Options): readonly string[] {
  const limits = { source, sink, processes };
  return Object.entries(limits).flatMap(([name, value]) => value ? [`--${name}`, String(value)] : []);
}

async function* worldsOf(from: number, seeds: number, options: Options): AsyncGenerator<Told> {
  const range = ["--from", String(from), "--seeds", String(seeds)];
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", import.meta.filename!, "--json", ...range, ...limitsAsArgs(options)],
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let rest = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>)) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) yield JSON.parse(line) as Told;
  }
  const { success } = await child.status;
  if (!success) throw new Error(`Cannot go on: the process of the worlds from ${from} on has ended early`);
}
