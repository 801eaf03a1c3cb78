/** Kernel and engine as the part of a bundle that is the same for every processor, but for the polyfills that it needs. */

import { join } from "node:path";
import { bundleCache } from "./bundle_cache.ts";
import { type BundledScript, ENTRY, inFolder, ours, runBundler, sourcesOf } from "./bundler.ts";

/** The name under which the kernel finds the function that evaluates the processor's modules. */
export const MODULES = "sluiceModules";

/** See the module. */
export interface Kernel extends Pick<BundledScript, "code"> {
  /** What it was made of. */
  readonly files: readonly string[];
}

const known = new Map<string, Promise<Kernel>>();

/** The kernel with `polyfills`, which are modules. */
export function kernelOf(polyfills: readonly string[]): Promise<Kernel> {
  const key = polyfills.join();
  let kernel = known.get(key);
  if (!kernel) known.set(key, kernel = cached(polyfills));
  return kernel;
}

async function cached(polyfills: readonly string[]): Promise<Kernel> {
  const cache = bundleCache<Kernel>(["kernel", ...polyfills]);
  const found = await cache.read();
  if (found) return found;
  const kernel = await inFolder((folder) => build(polyfills, folder));
  await cache.write(kernel, kernel.files);
  return kernel;
}

async function build(polyfills: readonly string[], folder: string): Promise<Kernel> {
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify({ nodeModulesDir: "none" }));
  await Deno.writeTextFile(
    join(folder, ENTRY),
    polyfills.map((module) => `import ${JSON.stringify(module)};\n`).join("") +
      `import ${ours("controller/sandbox/realm/install.ts")};\n` +
      `import { openRealm } from ${ours("controller/sandbox/realm/residents.ts")};\n` +
      `openRealm(${MODULES});\n`,
  );
  const built = await runBundler(folder);
  if ("failure" in built) throw new Error(`Cannot bundle the engine: ${built.failure}`);
  return { code: built.code, files: sourcesOf(built.sourceMap).filter((file) => !file.startsWith(folder)) };
}
