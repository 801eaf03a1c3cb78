/** `deno task simulate`: many seeds, or one of them with its trace. */

import { Command, InvalidArgumentError } from "commander";
import { loadSimulatedProcessor } from "./processors.ts";
import { scenarioOf, type System, SYSTEMS } from "./scenario.ts";
import { simulate } from "./simulation.ts";

const TRACE_LINES = 60;

interface Options {
  readonly seeds: number;
  readonly from: number;
  readonly seed?: number;
  readonly source?: System;
  readonly sink?: System;
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

const options = new Command("simulate")
  .description("Runs Sluice in simulated worlds where machines, disks, networks and servers fail")
  .option("--seeds <number>", "how many worlds", count, 1000)
  .option("--from <seed>", "the seed of the first one", count, 1)
  .option("--seed <seed>", "only this world, with its whole trace", count)
  .option("--source <system>", "only worlds with this source", system)
  .option("--sink <system>", "only worlds with this sink", system)
  .parse(["deno", "simulate", ...Deno.args]).opts<Options>();

const processor = await loadSimulatedProcessor();
const folder = Deno.makeTempDirSync({
  prefix: "sluice-simulation-",
  ...(Deno.build.os === "linux" ? { dir: "/dev/shm" } : {}),
});
const limits = {
  ...(options.source ? { sources: [options.source] } : {}),
  ...(options.sink ? { sinks: [options.sink] } : {}),
};
const first = options.seed ?? options.from;
const last = options.seed ?? options.from + options.seeds - 1;
let failed = 0;
let starts = 0;
let events = 0;
for (let seed = first; seed <= last; seed++) {
  const scenario = scenarioOf(seed, limits);
  const outcome = await simulate(scenario, processor, folder);
  if (Deno.env.has("TWICE")) {
    const again = await simulate(scenario, processor, folder);
    if (again.trace.digest !== outcome.trace.digest) {
      const [a, b] = [outcome.trace.lines, again.trace.lines];
      const at = a.findIndex((line, i) => line !== b[i]);
      console.log(
        `seed ${seed} differs at ${at}:\n  ${a.slice(at - 3, at + 3).join("\n  ")}\nversus\n  ${
          b.slice(at - 3, at + 3).join("\n  ")
        }`,
      );
    }
  }
  starts += outcome.starts;
  events += outcome.trace.count;
  if (options.seed !== undefined) { for (const line of outcome.trace.lines) console.log(line); }
  if (outcome.error) {
    failed++;
    console.log(`seed ${seed} (${scenario.source} → ${scenario.sink}) fails: ${outcome.error.message}`);
    if (options.seed !== undefined) console.log(outcome.error.cause ?? outcome.error);
    else for (const line of outcome.trace.shortened(TRACE_LINES)) console.log(`  ${line}`);
  } else if (options.seed !== undefined) {
    console.log(`seed ${seed}: ${outcome.starts} starts, ${outcome.outputs} outputs, trace ${outcome.trace.digest}`);
  }
}
Deno.removeSync(folder, { recursive: true });
console.log(`${last - first + 1} worlds, ${starts} starts, ${events} events: ${failed} failed`);
Deno.exit(failed === 0 ? 0 : 1);
