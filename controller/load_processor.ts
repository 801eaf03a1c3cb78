/** From a path or the name of a ready-made processor to its bundle and what it says of itself. */

import { basename } from "node:path";
import { type Bundle, type BundleOptions, bundleProcessor } from "./sandbox/bundle.ts";
import { BundleError } from "./sandbox/bundle_error.ts";
import { cacheFile } from "./sandbox/bundle_cache.ts";
import { BUNDLE_FILE } from "./sandbox/realm/errors.ts";
import type { ProcessorInfo } from "./sandbox/realm/guest.ts";
import type { SandboxPool } from "./sandbox/pool.ts";

/** A processor that can run. */
export interface LoadedProcessor {
  /** The file it was loaded from. */
  readonly script: string;
  /** Its code. */
  readonly bundle: Bundle;
  /** What it says of itself. */
  readonly info: ProcessorInfo;
}

const DESCRIBE_TIME_MS_MAX = 20_000;

/**
 * Loads the processor `script`. What a bundle says of itself never changes, so it is asked once.
 *
 * @throws {BundleError} when it cannot be bundled or its modules cannot be evaluated
 */
export async function loadProcessor(
  script: string,
  pool: SandboxPool,
  options: BundleOptions = {},
): Promise<LoadedProcessor> {
  const bundle = await bundleProcessor(script, options);
  const cache = cacheFile<ProcessorInfo>(`${bundle.hash}.info`);
  const known = await cache.read();
  if (known) return { script: basename(script), bundle, info: known };
  const info = await describe(script, bundle, pool);
  await cache.write(info);
  return { script: basename(script), bundle, info };
}

async function describe(script: string, { code, sourceMap }: Bundle, pool: SandboxPool): Promise<ProcessorInfo> {
  const reply = await pool.get(0).ask({ kind: "describe", code }, DESCRIBE_TIME_MS_MAX);
  if (reply.kind === "described") return reply.info;
  if (reply.kind !== "broken") throw new BundleError(script, `the sandbox answered ${reply.kind}`);
  const frames = await userFrames(reply.stack ?? "", sourceMap);
  throw new BundleError(script, [reply.message, ...frames].join("\n"));
}

/** Where in the user's files an error was thrown. */
async function userFrames(stack: string, sourceMap: string): Promise<readonly string[]> {
  const frames = stack.split("\n").filter((line) => line.includes(`(${BUNDLE_FILE}:`));
  if (frames.length === 0) return [];
  const { SourcePositions } = await import("./sandbox/source_positions.ts");
  return new SourcePositions(sourceMap).translate(frames.join("\n")).split("\n").filter((frame) => frame !== "");
}
