/**
 * What a script's imports mean: what the configuration beside it says, as Deno finds it, and ours, which wins.
 *
 * Deno's bundler is started elsewhere, with a configuration of its own, so that nothing but the imports of the user's gets
 * into a bundle.
 */

import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import denoJson from "../../deno.json" with { type: "json" };
import { BundleError } from "./bundle_error.ts";
import { isRemoteOwn, ROOT } from "./bundler.ts";

/** What scripts import → where it is. */
const SELF = { "@sluice/sluice/processor": "processor.ts", "@sluice/sluice/pipeline": "pipeline.ts" };
/** What our own operators and formats are made with. */
const LIBRARIES = ["@marcbachmann/cel-js", "@msgpack/msgpack"] as const;
/** In the order in which Deno looks for them. */
const CONFIG_NAMES = ["deno.json", "deno.jsonc"];

type Imports = Readonly<Record<string, string>>;

/** What matters of a user's configuration. */
interface UserConfig {
  readonly imports?: Imports;
  /** A file with more of them. */
  readonly importMap?: string;
  readonly workspace?: unknown;
}

/**
 * A configuration for the script at `script`, a path from the root.
 *
 * @throws {BundleError} when the user's own cannot be read
 */
export async function configFor(script: string): Promise<object> {
  const imports: Record<string, string> = isRemoteOwn(script) ? {} : { ...await importsFor(dirname(script)) };
  for (const [name, path] of Object.entries(SELF)) imports[name] = new URL(path, ROOT).href;
  for (const name of LIBRARIES) imports[name] ??= denoJson.imports[name];
  return { imports, nodeModulesDir: "none" };
}

/** The imports of the nearest configuration, and of the workspace around it; paths are absolute. */
async function importsFor(folder: string): Promise<Imports> {
  const nearest = await findConfig(folder);
  if (!nearest) return {};
  const own = await importsOf(nearest);
  const workspace = nearest.config.workspace === undefined ? await workspaceAround(nearest) : undefined;
  return workspace ? { ...await importsOf(workspace), ...own } : own;
}

async function workspaceAround({ path }: FoundConfig): Promise<FoundConfig | undefined> {
  const folder = dirname(path);
  if (dirname(folder) === folder) return undefined;
  const outer = await findConfig(dirname(folder));
  return outer === undefined || outer.config.workspace !== undefined ? outer : await workspaceAround(outer);
}

interface FoundConfig {
  readonly path: string;
  readonly config: UserConfig;
}

async function findConfig(folder: string): Promise<FoundConfig | undefined> {
  // Sluice's own configuration is not the user's: its imports are the engine's business.
  if (ROOT.protocol === "file:" && folder === dirname(fileURLToPath(new URL("deno.json", ROOT)))) return undefined;
  for (const name of CONFIG_NAMES) {
    const path = join(folder, name);
    const config = await readConfig<UserConfig>(path);
    if (config) return { path, config };
  }
  const parent = dirname(folder);
  return parent === folder ? undefined : await findConfig(parent);
}

async function importsOf({ path, config }: FoundConfig): Promise<Imports> {
  if (config.imports || config.importMap === undefined) return absolute(config.imports ?? {}, path);
  const mapPath = join(dirname(path), config.importMap);
  const map = await readConfig<UserConfig>(mapPath);
  if (!map) throw new BundleError(path, `it names the import map ${config.importMap}, and there is no such file`);
  return absolute(map.imports ?? {}, mapPath);
}

function absolute(imports: Imports, path: string): Imports {
  const base = pathToFileURL(path);
  return Object.fromEntries(
    Object.entries(imports).map(([name, target]) => {
      return [name, /^\.{0,2}\//.test(target) ? new URL(target, base).href : target];
    }),
  );
}

/** JSON, with comments as Deno allows them; undefined where there is no file. */
async function readConfig<T>(path: string): Promise<T | undefined> {
  let text: string;
  try {
    text = await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) return undefined;
    throw new BundleError(path, (error as Error).message);
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    return await parseWithComments(path, text) as T;
  }
}

async function parseWithComments(path: string, text: string): Promise<unknown> {
  const { parse, printParseErrorCode } = await import("jsonc-parser");
  const errors: import("jsonc-parser").ParseError[] = [];
  const value = parse(text, errors, { allowTrailingComma: true });
  const [first] = errors;
  if (!first) return value;
  const line = text.slice(0, first.offset).split("\n").length;
  throw new BundleError(path, `the configuration is not JSON (${printParseErrorCode(first.error)} in line ${line})`);
}
