/** `sluice run pipeline.yaml`: a run for each pipeline of the file, side by side. What is typed wins over what it says. */

import type { Command } from "commander";
import { resolve } from "node:path";
import type { LoadedProcessor } from "../controller/load_processor.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import type { SandboxPool } from "../controller/sandbox/pool.ts";
import { EXIT } from "./exit_code.ts";
import { loadPipeline } from "./load.ts";
import { pipelinesOf } from "./pipelines/choose_pipelines.ts";
import { folderOf, type PipelineFile } from "./pipelines/pipeline_file.ts";
import type { ProgramHooks } from "./program.ts";
import { reportError } from "./report_error.ts";
import { type RunCommandOptions, runLoadedCommand } from "./run.ts";
import { planRun } from "./run_ends.ts";
import { absoluteUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";
import { watchFile } from "./watched_file.ts";

/** Runs the command; answers the exit code: the first that is not 0. */
export async function runPipelines(
  pool: SandboxPool,
  path: string,
  command: Command,
  hooks: ProgramHooks,
): Promise<number> {
  const { pipeline, watch } = command.opts<RunCommandOptions>();
  if (!watch) return await runAll({ pool, path, command, hooks }, await pipelinesOf(path, pipeline));
  return await runAgainAndAgain({ pool, path, command, hooks });
}

interface Running {
  readonly pool: SandboxPool;
  readonly path: string;
  readonly command: Command;
  readonly hooks: ProgramHooks;
  readonly stop?: AbortSignal;
}

async function runAll(
  { pool, path, command, hooks, stop }: Running,
  pipelines: readonly PipelineFile[],
): Promise<number> {
  const isOneOfMany = pipelines.length > 1;
  if (isOneOfMany) refuseShared(path, command.opts<RunCommandOptions>(), command);
  const runs = await Promise.all(pipelines.map(async (pipeline) => {
    const options = { ...optionsFor(path, pipeline, command), isOneOfMany, ...(stop ? { stop } : {}) };
    const processor = await loadPipeline(path, pipeline, pool, options);
    // What is wrong with any of them is told before one begins.
    planRun(processor, options);
    return { processor, options };
  }));
  const codes = await Promise.all(runs.map(async ({ processor, options }) => {
    const run = runOne({ pool, path, command, hooks }, processor, options);
    // One that cannot go on does not take the others with it.
    return isOneOfMany ? await run.catch((error) => reportError(error, options.name)) : await run;
  }));
  return codes.find((code) => code !== EXIT.ok) ?? EXIT.ok;
}

/** In the sandboxes that the command has opened, or in some of its own where the file asks for other ones. */
async function runOne(
  { pool, command, hooks }: Running,
  processor: LoadedProcessor,
  options: RunCommandOptions,
): Promise<number> {
  const opened = command.opts<RunCommandOptions>();
  const { workers, isolation } = options;
  if (workers === opened.workers && isolation === opened.isolation) {
    return await runLoadedCommand(pool, processor, options, hooks);
  }
  const own = openPool({ workers, isolation });
  try {
    return await runLoadedCommand(own, processor, options, hooks);
  } finally {
    own.close();
  }
}

/**
 * Stops and goes on with what the file says whenever it changes; what is wrong in it is told, and the runs go on as they
 * are. Ends when the runs end by themselves.
 */
async function runAgainAndAgain(running: Running): Promise<number> {
  const { path, command } = running;
  const { pipeline } = command.opts<RunCommandOptions>();
  const changes = watchFile(path);
  try {
    for (let pipelines = await pipelinesOf(path, pipeline);;) {
      const stop = new AbortController();
      const ended = runAll({ ...running, stop: stop.signal }, pipelines);
      const next = await Promise.race([ended.then(() => undefined), changes.next(() => pipelinesOf(path, pipeline))]);
      if (next === undefined) return await ended;
      stop.abort();
      const code = await ended;
      // What failed may be what has been mended.
      if (code !== EXIT.ok && code !== EXIT.failure) return code;
      pipelines = next;
    }
  } finally {
    changes.close();
  }
}

/** What belongs to one pipeline cannot be said of several. */
function refuseShared(path: string, options: RunCommandOptions, command: Command): void {
  for (const name of ["from", "to", "name"]) {
    if (command.getOptionValueSource(name) !== "cli") continue;
    throw new UsageError(`Cannot use --${name} for all pipelines of ${path}: choose one with --pipeline`);
  }
  if (options.store !== undefined) {
    throw new UsageError(`Cannot share several pipelines at once: choose one of ${path} with --pipeline`);
  }
}

function optionsFor(path: string, { spec, from, to, run }: PipelineFile, command: Command): RunCommandOptions {
  const typed = command.opts<RunCommandOptions>();
  const options: Record<string, unknown> = { ...typed };
  for (const [name, value] of Object.entries(run)) {
    const attribute = name.replace(/-(\w)/g, (_, letter: string) => letter.toUpperCase());
    if (!isGiven(command, name, attribute)) options[attribute] = value;
  }
  if (typeof run.effects === "string" && options.effects === run.effects) {
    options.effects = resolve(folderOf(path), run.effects);
  }
  return {
    ...options as unknown as RunCommandOptions,
    name: typed.name ?? spec.name,
    from: withDeclared(path, typed.from, from),
    to: withDeclared(path, typed.to, to),
  };
}

function isGiven(command: Command, name: string, attribute: string): boolean {
  const variable = `SLUICE_${name.toUpperCase().replaceAll("-", "_")}`;
  return command.getOptionValueSource(attribute) === "cli" || Deno.env.get(variable) !== undefined;
}

/** The URIs that are typed, and for the other names those of the file, whose files are beside it. */
function withDeclared(
  path: string,
  typed: readonly string[],
  declared: ReadonlyMap<string, string>,
): readonly string[] {
  const named = new Set(typed.map((text) => /^([A-Za-z_][\w-]*)=/.exec(text)?.[1] ?? "default"));
  const others = [...declared].filter(([name]) => !named.has(name));
  return [...typed, ...others.map(([name, uri]) => `${name}=${absoluteUri(uri, folderOf(path))}`)];
}
