/** From what users name on the command line to a processor that can run: a script, a ready-made one, a pipeline file. */

import { type LoadedProcessor, loadProcessor } from "../controller/load_processor.ts";
import { BundleError } from "../controller/sandbox/bundle_error.ts";
import type { SandboxPool } from "../controller/sandbox/pool.ts";
import { onePipeline, pipelinesOf } from "./pipelines/choose_pipelines.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";
import type { PipelineFile } from "./pipelines/pipeline_file.ts";
import { parseParameters, scriptOf } from "./processors.ts";
import { UsageError } from "./usage_error.ts";

/** How a processor is loaded. */
export interface LoadOptions {
  /** `--set`. */
  readonly set: readonly string[];
  /** Which pipeline of a file with several: `--pipeline`. */
  readonly pipeline?: string;
}

/** Loads what `name` means. */
export async function loadNamed(name: string, pool: SandboxPool, options: LoadOptions): Promise<LoadedProcessor> {
  if (!isPipelineFile(name)) return await loadScript(name, pool, options);
  return await loadPipeline(name, await onePipeline(name, options.pipeline, "--pipeline"), pool, options);
}

/** Loads other code for what `processor` did; of a file with several pipelines, the one of that name. */
export async function loadOther(
  name: string,
  pool: SandboxPool,
  { set, processor }: { readonly set: readonly string[]; readonly processor: string },
): Promise<LoadedProcessor> {
  const isOneOfMany = isPipelineFile(name) && (await pipelinesOf(name, undefined)).length > 1;
  return await loadNamed(name, pool, { set, ...(isOneOfMany ? { pipeline: processor } : {}) });
}

async function loadScript(name: string, pool: SandboxPool, { set }: LoadOptions): Promise<LoadedProcessor> {
  const script = scriptOf(name);
  try {
    return await loadProcessor(script, pool, { parameters: parseParameters(set) });
  } catch (error) {
    // Of a ready-made processor nobody wants to know where it lies: what it says of its parameters is what is wrong.
    if (script === name || !(error instanceof BundleError)) throw error;
    throw new UsageError(error.reason.replace(/^\w*Error: /, "").replace(/\n +at .*/gs, ""));
  }
}

/** Loads a pipeline of the file at `path`. */
export async function loadPipeline(
  path: string,
  pipeline: PipelineFile,
  pool: SandboxPool,
  { set }: LoadOptions,
): Promise<LoadedProcessor> {
  const { pipelineSource } = await import("./pipelines/pipeline_module.ts");
  return await loadProcessor(path, pool, {
    parameters: parseParameters(set),
    pipeline: pipelineSource(path, pipeline),
  });
}
