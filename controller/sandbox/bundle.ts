/**
 * The bundler: a processor's script, its imports, the engine and the kernel become one classic script. The script's own
 * modules stand in a function of it, which a realm calls for each of its tasks (`realm/residents.ts`).
 *
 * The bundle is the unit that runs; its hash is the code's identity, so it must depend on the code alone. Paths of this
 * machine (in the comments the bundler writes) are blanked. `@sluice/sluice/processor` always means this Sluice.
 */

import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isExecutable } from "../own_program.ts";
import { bundleCache } from "./bundle_cache.ts";
import { type BundledScript, ENTRY, inFolder, isRemoteOwn, ours, runBundler, sourcesOf } from "./bundler.ts";
import { BundleError } from "./bundle_error.ts";
import { kernelOf, MODULES } from "./kernel.ts";
import { polyfillsFor } from "./polyfills.ts";
import { completed, PARAMETERS_LATER, PIPELINE_LATER, type Prebuilt, prebuiltNames } from "./prebuilt.ts";
import { configFor } from "./script_config.ts";

/** A processor ready to run. */
export interface Bundle {
  /** The script that a realm evaluates. */
  readonly code: string;
  /** SHA-256 of `code`, hexadecimal. */
  readonly hash: string;
  /** The source map (version 3), to show places in the user's own files. */
  readonly sourceMap: string;
}

/** See `engine/parameters.ts`. */
export type Parameters = Readonly<Record<string, unknown>>;

/** What a bundle is made of besides its script. */
export interface BundleOptions {
  /** See `engine/parameters.ts`. */
  readonly parameters?: Parameters;
  /** What a script that is none stands for: a pipeline file. */
  readonly pipeline?: PipelineSource;
}

/** A pipeline file as a script. */
export interface PipelineSource {
  /** What it says. */
  readonly spec: unknown;
  /** The scripts that it uses, as it names them. */
  readonly scripts: readonly string[];
  /** The text of a module around `spec`, the text of an expression. */
  readonly moduleOf: (spec: string) => string;
}

/**
 * Bundles the script at `path`. A bundle whose files have not changed comes from a cache.
 *
 * @throws {BundleError} when the script is missing, does not compile, or imports what a processor may not have
 */
export async function bundleProcessor(path: string, options: BundleOptions = {}): Promise<Bundle> {
  const { parameters = {}, pipeline } = options;
  const prebuilt = completed(path, { parameters, ...(pipeline ? { pipeline } : {}) });
  if (prebuilt) return { ...prebuilt, hash: await sha256(prebuilt.code) };
  if (isExecutable()) throw new BundleError(path, noBundler());
  const script = isRemoteOwn(path) ? path : resolve(path);
  const source = pipeline?.moduleOf(JSON.stringify(pipeline.spec));
  if (!isRemoteOwn(script)) await requireFile(path, script);
  const config = await configFor(script);
  const cache = bundleCache<Bundle>([script, parameters, source, config]);
  const cached = await cache.read();
  if (cached) return cached;
  return await inFolder(async (folder) => {
    const input = { path, script, config, parameters: JSON.stringify(parameters), source };
    const { bundle, files } = await build(input, folder);
    await cache.write(bundle, files);
    return bundle;
  });
}

/**
 * Bundles the script at `path` for an executable, under `name`; parameters and pipeline are written into it when it starts.
 *
 * @throws {BundleError} see {@linkcode bundleProcessor}
 */
export async function prebuild(
  name: string,
  path: string,
  pipeline?: Pick<PipelineSource, "moduleOf">,
): Promise<Prebuilt> {
  const script = isRemoteOwn(path) ? path : resolve(path);
  const later = (what: string): string => `JSON.parse(${JSON.stringify(what)})`;
  const source = pipeline?.moduleOf(later(PIPELINE_LATER));
  if (!pipeline && !isRemoteOwn(script)) await requireFile(path, script);
  const input = { path, script, config: await configFor(script), parameters: later(PARAMETERS_LATER), source };
  const { bundle: { code, sourceMap } } = await inFolder((folder) => build(input, folder));
  return { name, code, sourceMap };
}

function noBundler(): string {
  return `this executable runs what it was compiled with: ${prebuiltNames().join(", ")}; ` +
    "make one with other processors by `sluice compile`, where Deno is";
}

async function requireFile(path: string, script: string): Promise<void> {
  try {
    if ((await Deno.stat(script)).isFile) return;
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw new BundleError(path, (error as Error).message);
    throw new BundleError(path, "there is no such file; name a script, or one of the ready-made processors");
  }
  throw new BundleError(path, "it is not a file");
}

interface BuildInput {
  readonly path: string;
  readonly script: string;
  /** See `script_config.ts`. */
  readonly config: object;
  /** The text of an expression. */
  readonly parameters: string;
  /** The text of a module in the place of the script. */
  readonly source: string | undefined;
}

interface Built {
  readonly bundle: Bundle;
  /** What it was made of. */
  readonly files: readonly string[];
}

async function build(input: BuildInput, folder: string): Promise<Built> {
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(input.config));
  const modules = await bundleModules(input, folder);
  const kernel = await kernelOf(polyfillsFor(modules.sourceMap));
  // Modules are strict; the script they become is so only by saying it. A line more in front is a line more in the map.
  const code = `"use strict";((modules, open) => open(modules))(function (${DEFINE}) {\n${modules.code}\n}, ` +
    `function (${MODULES}) {\n${kernel.code}\n});\n`;
  const sourceMap = lineLower(modules.sourceMap);
  const files = sourcesOf(sourceMap).filter((source) => !source.startsWith(folder));
  return { bundle: { code, hash: await sha256(code), sourceMap }, files: [...files, ...kernel.files] };
}

/** The module that stands for a script which is none. */
const GENERATED = "pipeline.ts";

/** What the entry of the script's modules calls with what they export. */
const DEFINE = "sluiceDefine";

async function bundleModules(input: BuildInput, folder: string): Promise<BundledScript> {
  const { path, script, source, parameters } = input;
  // Modules are evaluated in the order of their imports: parameters are there before the processor asks for them.
  await Deno.writeTextFile(
    join(folder, "parameters.ts"),
    `import { setParameters } from ${ours("engine/parameters.ts")};\n` +
      `setParameters(${parameters});\n`,
  );
  if (source !== undefined) await Deno.writeTextFile(join(folder, GENERATED), source);
  const module = source === undefined ? urlOf(script) : `./${GENERATED}`;
  await Deno.writeTextFile(
    join(folder, ENTRY),
    `import "./parameters.ts";\n` +
      `import processor from ${JSON.stringify(module)};\n` +
      `${DEFINE}(processor);\n`,
  );
  const built = await runBundler(folder);
  if ("failure" in built) throw new BundleError(path, explain(built.failure, folder));
  refuseHostModules(path, built.code);
  return built;
}

function urlOf(script: string): string {
  return isRemoteOwn(script) ? script : pathToFileURL(script).href;
}

/** What else a bundler can do with an import that it cannot find: nothing that helps a processor. */
const BUNDLER_NOTE = /\n *note: You can mark the path [^\n]*/g;

/** The bundler's words, without its stack trace and without the entry that the user never wrote. */
function explain(output: string, folder: string): string {
  const text = output.replace(/\n*Stack backtrace:[\s\S]*$/, "").replaceAll("error: bundling failed", "").trim();
  if (/No matching export .*"default"/.test(text)) {
    return "it has no default export; write `export default defineProcessor({ … })`";
  }
  const [remote] = /https?:[^\s"']+/.exec(text) ?? /(?<=Requires import access to ")[^"]+/.exec(text) ?? [];
  if (remote !== undefined) {
    return `it imports from ${remote}; a processor cannot import remote URLs, use a file or an npm package`;
  }
  if (/^(error: )?No loader is configured/.test(text) && text.includes(`/${ENTRY}:`)) {
    return "it is no script; .ts or .js is wanted, or a pipeline file (.yaml)";
  }
  const unknown = /Import "([^"]+)" not a dependency/.exec(text)?.[1];
  const advice = unknown === undefined ? "" : `\n    name it in deno.json or package.json, or import "npm:${unknown}"`;
  return text.replace(/^error: /, "").replace(BUNDLER_NOTE, "").replaceAll(`${pathToFileURL(folder).href}/`, "") +
    advice;
}

function refuseHostModules(path: string, code: string): void {
  const names = new Set([...code.matchAll(/\b__require\("([^"]+)"\)/g)].map(([, name]) => name));
  if (names.size === 0) return;
  const list = [...names].sort().join(", ");
  throw new BundleError(
    path,
    `it imports ${list}, which needs the host; a processor has no files, network or processes. ` +
      "Do that work in an effect: context.effect(name, input)",
  );
}

/** The source map for the script behind one more line. */
function lineLower(sourceMap: string): string {
  const map = JSON.parse(sourceMap) as { mappings: string };
  return JSON.stringify({ ...map, mappings: `;${map.mappings}` });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
