/**
 * Processors whose bundles were made before: an executable has no bundler. What is only known when they are started is
 * written into them then: parameters, and what a pipeline file says.
 */

import type { Bundle } from "./bundle.ts";

/** A bundle that lacks what is known when it is started. */
export interface Prebuilt {
  /** What users call it: the path that it was made from, or the name of a ready-made processor. */
  readonly name: string;
  readonly code: string;
  readonly sourceMap: string;
}

/** Stands in a bundle for the JSON of parameters, as the text of a string. */
export const PARAMETERS_LATER = "sluice: parameters, once they are known";
/** Stands in a bundle for the JSON of a pipeline. */
export const PIPELINE_LATER = "sluice: a pipeline, once it is known";
/** The name of what any pipeline file without scripts of its own is made with. */
export const ANY_PIPELINE = "any pipeline";

const known = new Map<string, Prebuilt>();

/** Makes processors known. */
export function addPrebuilt(processors: readonly Prebuilt[]): void {
  for (const each of processors) known.set(each.name, each);
}

/** The names of processors that were made before. */
export function prebuiltNames(): readonly string[] {
  return [...known.keys()].filter((name) => name !== ANY_PIPELINE);
}

/** Whether `name` is that of a processor that was made before. */
export function isPrebuilt(name: string): boolean {
  return known.has(name);
}

/** What is known when a processor is started. */
export interface Late {
  readonly parameters: Readonly<Record<string, unknown>>;
  /** What a pipeline file says, and which scripts it uses. */
  readonly pipeline?: { readonly spec: unknown; readonly scripts: readonly string[] };
}

/** The processor `name`, complete but for its hash; undefined when it was not made before. */
export function completed(name: string, { parameters, pipeline }: Late): Omit<Bundle, "hash"> | undefined {
  const isPlain = pipeline !== undefined && pipeline.scripts.length === 0;
  const found = known.get(name) ?? (isPlain ? known.get(ANY_PIPELINE) : undefined);
  if (!found) return undefined;
  const code = found.code.replace(literal(PARAMETERS_LATER), () => literal(JSON.stringify(parameters)))
    .replace(literal(PIPELINE_LATER), () => literal(JSON.stringify(pipeline?.spec ?? null)));
  return { code, sourceMap: found.sourceMap };
}

/** As the bundler writes strings. */
function literal(text: string): string {
  return JSON.stringify(text);
}
