/**
 * The bundler: a processor's script, its imports, the engine and the kernel become one classic script.
 *
 * The bundle is the unit that runs; its hash is the code's identity, so it must depend on the code alone. Paths of this
 * machine (in the comments the bundler writes) are blanked. `@sluice/sluice/processor` always means this Sluice.
 */

import { dirname, fromFileUrl, join, resolve, toFileUrl } from "@std/path";
import denoJson from "../../deno.json" with { type: "json" };
import { isExecutable } from "../own_program.ts";
import { bundleCache } from "./bundle_cache.ts";
import { polyfillsFor } from "./polyfills.ts";
import { completed, PARAMETERS_LATER, PIPELINE_LATER, type Prebuilt, prebuiltNames } from "./prebuilt.ts";

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

/** A script that cannot be made into a bundle. */
export class BundleError extends Error {
  /** The name of the class. */
  override readonly name = "BundleError";
  /** The script that a realm evaluates. */
  readonly code = "E_BUNDLE";
  /** The path that was given. */
  readonly script: string;
  /** Ends the sentence "Cannot load processor …". */
  readonly reason: string;

  /** `reason` ends the sentence "Cannot load processor …". */
  constructor(script: string, reason: string) {
    super(`Cannot load processor ${script}: ${reason}`);
    this.script = script;
    this.reason = reason;
  }
}

/** What scripts import → where it is. */
const SELF = { "@sluice/sluice/processor": "processor.ts", "@sluice/sluice/pipeline": "pipeline.ts" };
/** What our own operators and formats are made with. */
const LIBRARIES = ["@marcbachmann/cel-js", "@msgpack/msgpack"] as const;

const ROOT = new URL("../../", import.meta.url);

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
  const script = resolve(path);
  const source = pipeline?.moduleOf(JSON.stringify(pipeline.spec));
  await requireFile(path, script);
  const cache = bundleCache([script, parameters, source]);
  const cached = await cache.read();
  if (cached) return cached;
  return await inFolder(async (folder) => {
    const built = await build({ path, script, parameters: JSON.stringify(parameters), source }, folder);
    await cache.write(built, sourcesOf(built.sourceMap).filter((source) => !source.startsWith(folder)));
    return built;
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
  const script = resolve(path);
  const later = (what: string): string => `JSON.parse(${JSON.stringify(what)})`;
  const source = pipeline?.moduleOf(later(PIPELINE_LATER));
  if (!pipeline) await requireFile(path, script);
  const input = { path, script, parameters: later(PARAMETERS_LATER), source };
  const { code, sourceMap } = await inFolder((folder) => build(input, folder));
  return { name, code, sourceMap };
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bundle-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
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
  /** The text of an expression. */
  readonly parameters: string;
  /** The text of a module in the place of the script. */
  readonly source: string | undefined;
}

async function build(input: BuildInput, folder: string): Promise<Bundle> {
  await Deno.writeTextFile(join(folder, "deno.json"), JSON.stringify(await configFor(input.script)));
  // Modules are evaluated in the order of their imports: parameters are there before the processor asks for them.
  await Deno.writeTextFile(
    join(folder, "parameters.ts"),
    `import { setParameters } from ${ours("engine/parameters.ts")};\n` +
      `setParameters(${input.parameters});\n`,
  );
  if (input.source !== undefined) await Deno.writeTextFile(join(folder, GENERATED), input.source);
  const bundle = await bundleWith([], input, folder);
  const polyfills = polyfillsFor(bundle.sourceMap);
  return polyfills.length === 0 ? bundle : await bundleWith(polyfills, input, folder);
}

/** The module that stands for a script which is none. */
const GENERATED = "pipeline.ts";

async function bundleWith(polyfills: readonly string[], input: BuildInput, folder: string): Promise<Bundle> {
  const { path, script, source } = input;
  const module = source === undefined ? toFileUrl(script).href : `./${GENERATED}`;
  await Deno.writeTextFile(
    join(folder, "entry.ts"),
    polyfills.map((module) => `import ${JSON.stringify(module)};\n`).join("") +
      `import ${ours("controller/sandbox/realm/install.ts")};\n` +
      `import "./parameters.ts";\n` +
      `import processor from ${JSON.stringify(module)};\n` +
      `import { openDoor } from ${ours("controller/sandbox/realm/guest.ts")};\n` +
      `openDoor(processor);\n`,
  );
  await runBundler(path, folder);
  const text = await Deno.readTextFile(join(folder, "out.js"));
  refuseHostModules(path, text);
  const relativeMap = await Deno.readTextFile(join(folder, "out.js.map"));
  // Modules are strict; the script they become is so only by saying it, on a line that shifts no position.
  const code = `"use strict";` + withoutPaths(text, new Set(sourcesOf(relativeMap)));
  return { code, hash: await sha256(code), sourceMap: withAbsoluteSources(relativeMap, folder) };
}

/** A module of this Sluice, as the text of an import. */
function ours(relative: string): string {
  return JSON.stringify(new URL(relative, ROOT).href);
}

/**
 * Takes the paths of files out: the comments that name them, and the names CommonJS modules are registered under. Lines
 * stay where they are: positions must go on fitting the source map.
 */
function withoutPaths(text: string, sources: ReadonlySet<string>): string {
  let modules = 0;
  return text.replace(/^ *\/\/ (.+)$/gm, (line, name: string) => sources.has(name) ? "" : line)
    .replace(/^( *)"([^"\n]+)"\(/gm, (line, indent: string, name: string) => {
      return sources.has(name) ? `${indent}"module ${++modules}"(` : line;
    })
    .replace(/\n\/\/# sourceMappingURL=.*\n?$/, "\n");
}

async function runBundler(path: string, folder: string): Promise<void> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--no-lock", "--no-remote", "--platform", "browser", "--format", "iife"]
      .concat(["--sourcemap", "external", "--config", "deno.json", "-o", "out.js", "entry.ts"]),
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new BundleError(path, explain(new TextDecoder().decode(stderr), folder));
}

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
  return text.replace(/^error: /, "").replaceAll(`${toFileUrl(folder).href}/`, "");
}

/** A configuration for `script`: its own imports, made absolute, and ours, which wins. */
export async function configFor(script: string): Promise<object> {
  const imports: Record<string, string> = {};
  const found = await nearestConfig(dirname(script));
  if (found) {
    const base = toFileUrl(found.path);
    for (const [name, target] of Object.entries(found.imports)) {
      imports[name] = /^\.{0,2}\//.test(target) ? new URL(target, base).href : target;
    }
  }
  for (const [name, path] of Object.entries(SELF)) imports[name] = new URL(path, ROOT).href;
  for (const name of LIBRARIES) imports[name] ??= denoJson.imports[name];
  return { imports, nodeModulesDir: "none" };
}

interface FoundConfig {
  readonly path: string;
  readonly imports: Readonly<Record<string, string>>;
}

async function nearestConfig(folder: string): Promise<FoundConfig | undefined> {
  const path = join(folder, "deno.json");
  // Sluice's own configuration is not the user's: its imports are the engine's business.
  if (path === fromFileUrl(new URL("deno.json", ROOT))) return undefined;
  try {
    const { imports = {} } = JSON.parse(await Deno.readTextFile(path)) as { imports?: Record<string, string> };
    return { path, imports };
  } catch (error) {
    if (error instanceof SyntaxError) throw new BundleError(path, `the configuration is not JSON (${error.message})`);
    const parent = dirname(folder);
    return parent === folder ? undefined : nearestConfig(parent);
  }
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

function sourcesOf(sourceMap: string): string[] {
  return (JSON.parse(sourceMap) as { sources: string[] }).sources;
}

function withAbsoluteSources(sourceMap: string, folder: string): string {
  const map = JSON.parse(sourceMap) as { sources: string[] };
  return JSON.stringify({ ...map, sources: map.sources.map((source) => resolve(folder, source)) });
}

async function sha256(text: string): Promise<string> {
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text));
  return new Uint8Array(digest).toHex();
}
