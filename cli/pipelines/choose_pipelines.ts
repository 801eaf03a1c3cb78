/** The pipelines of a file that are meant: all, or the one that is named. */

import { nearest } from "../nearest.ts";
import { UsageError } from "../usage_error.ts";
import type { PipelineFile } from "./pipeline_file.ts";

/** The pipelines of a file, or the one that is named. */
export async function pipelinesOf(path: string, name: string | undefined): Promise<readonly PipelineFile[]> {
  // A reader of YAML, a schema and all operators: a script starts without them.
  const { readPipelines } = await import("./pipeline_file.ts");
  const all = readPipelines(path, Deno.env.toObject());
  if (name === undefined) return all;
  const found = all.filter(({ spec }) => spec.name === name);
  if (found.length > 0) return found;
  const names = all.map(({ spec }) => spec.name);
  const advice = nearest(name, names);
  throw new UsageError(
    `Cannot find pipeline ${name} in ${path}: it has ${names.join(", ")}${advice ? `. Did you mean ${advice}?` : ""}`,
  );
}

/**
 * The only pipeline of a file, or the one that is named.
 *
 * @param naming how whoever asks names one
 */
export async function onePipeline(path: string, name: string | undefined, naming: string): Promise<PipelineFile> {
  const [first, ...others] = await pipelinesOf(path, name);
  if (others.length === 0) return first;
  const names = [first, ...others].map(({ spec }) => spec.name);
  throw new UsageError(`Cannot use all pipelines of ${path} at once: name one of ${names.join(", ")} with ${naming}`);
}
