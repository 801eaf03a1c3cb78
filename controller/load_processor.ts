/** From a path or the name of a ready-made processor to its bundle and what it says of itself. */

import { basename } from "@std/path";
import { type Bundle, BundleError, bundleProcessor, type Parameters } from "./sandbox/bundle.ts";
import type { ProcessorInfo } from "./sandbox/realm/guest.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";

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
 * Loads the processor `script`.
 *
 * @throws {BundleError} when it cannot be bundled or its modules cannot be evaluated
 */
export async function loadProcessor(
  script: string,
  startSandbox: () => Sandbox,
  parameters: Parameters = {},
): Promise<LoadedProcessor> {
  const bundle = await bundleProcessor(script, parameters);
  const sandbox = startSandbox();
  const reply = await sandbox.ask({ kind: "describe", code: bundle.code }, DESCRIBE_TIME_MS_MAX);
  sandbox.close();
  if (reply.kind === "described") return { script: basename(script), bundle, info: reply.info };
  throw new BundleError(script, reply.kind === "broken" ? reply.message : `the sandbox answered ${reply.kind}`);
}
