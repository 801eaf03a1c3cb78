/** Deno's bundler: what is in a folder becomes one classic script, in which no path of this machine is left. */

import { join, resolve } from "node:path";
import { ownOriginOnly } from "../own_program.ts";

/** Where this Sluice is. */
export const ROOT = new URL("../../", import.meta.url);

/** What the bundler is started with. */
export const ENTRY = "entry.ts";

/** A script with its source map (version 3), whose sources are paths, or URLs of remote modules. */
export interface BundledScript {
  readonly code: string;
  readonly sourceMap: string;
}

/** Bundles {@linkcode ENTRY} in `folder`, under the `deno.json` there; answers the bundler's words where it fails. */
export async function runBundler(folder: string): Promise<BundledScript | { readonly failure: string }> {
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["bundle", "--quiet", "--no-lock", ownOriginOnly(ROOT), "--platform", "browser", "--format", "iife"]
      .concat(["--sourcemap", "external", "--config", "deno.json", "-o", "out.js", ENTRY]),
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) return { failure: new TextDecoder().decode(stderr) };
  const text = await Deno.readTextFile(join(folder, "out.js"));
  const map = JSON.parse(await Deno.readTextFile(join(folder, "out.js.map"))) as {
    readonly sources: readonly string[];
  };
  const sources = map.sources.map((source) => placeOf(source, folder));
  return { code: withoutPaths(text, new Set(map.sources)), sourceMap: JSON.stringify({ ...map, sources }) };
}

/** The bundler names files relative to the folder, and as they are written in URLs. */
function placeOf(source: string, folder: string): string {
  if (/^https?:/.test(source)) return source;
  try {
    return resolve(folder, decodeURIComponent(source));
  } catch {
    return resolve(folder, source);
  }
}

/** Runs `work` in a folder that is there for no longer. */
export async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await Deno.makeTempDir({ prefix: "sluice-bundle-" });
  try {
    return await work(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Whether `path` is a module of this Sluice that is no file: it was loaded from elsewhere. */
export function isRemoteOwn(path: string): boolean {
  return ROOT.protocol !== "file:" && path.startsWith(ROOT.href);
}

/** A module of this Sluice, as the text of an import. */
export function ours(relative: string): string {
  return JSON.stringify(new URL(relative, ROOT).href);
}

/** The files behind a source map. */
export function sourcesOf(sourceMap: string): string[] {
  return (JSON.parse(sourceMap) as { sources: string[] }).sources;
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
