/** What of a processor's code changed: which of its modules, or nothing but its parameters. */

import { fileURLToPath } from "node:url";
import type { JournaledCode } from "../journal/journal.ts";
import { isGenerated, isOurs } from "../sandbox/own_files.ts";
import type { Explanation } from "./divergence.ts";

interface SourceMap {
  readonly sources: readonly string[];
  readonly sourcesContent?: readonly (string | null)[];
}

/** Explains a difference between two codes by what is different between them. */
export function explainCode(was: JournaledCode, is: JournaledCode): Explanation {
  if (was.hash === is.hash) return { cause: "nondeterminism", because: "the same code did something else" };
  const [before, after] = [modulesOf(was), modulesOf(is)];
  const changed = [...after].filter(([name, content]) => before.get(name) !== content).map(([name]) => name);
  const gone = [...before.keys()].filter((name) => !after.has(name));
  if (changed.length + gone.length > 0) return { cause: "code", because: describe(changed, gone) };
  if (parametersOf(was) !== parametersOf(is)) {
    const [old, current] = [parametersOf(was), parametersOf(is)];
    return { cause: "config", because: `the modules are the same, the parameters were ${old} and are ${current}` };
  }
  return { cause: "code", because: "the user's modules are the same, Sluice's own part of the bundle differs" };
}

function describe(changed: readonly string[], gone: readonly string[]): string {
  const list = (names: readonly string[]) =>
    names.slice(0, NAMED_MAX).join(", ") + (names.length > NAMED_MAX ? ` and ${names.length - NAMED_MAX} more` : "");
  const parts = [
    ...(changed.length > 0 ? [`${list(changed)} ${changed.length === 1 ? "differs" : "differ"}`] : []),
    ...(gone.length > 0 ? [`${list(gone)} ${gone.length === 1 ? "is" : "are"} not used any more`] : []),
  ];
  return parts.join("; ");
}

const NAMED_MAX = 5;
const PARAMETERS = "/parameters.ts";

/** Short name → content of the modules that are the user's. The script itself is "the script", however it is called. */
function modulesOf({ sourceMap, script }: JournaledCode): ReadonlyMap<string, string> {
  const { sources, sourcesContent = [] } = JSON.parse(sourceMap) as SourceMap;
  const root = sluiceRoot(sourcesContent);
  const modules = sources.flatMap((source, i): [string, string][] => {
    if (isGenerated(source) && source.endsWith(PIPELINE)) return [["the pipeline", sourcesContent[i] ?? ""]];
    if ((root !== undefined && isOurs(source, root)) || isGenerated(source)) return [];
    return [[source.endsWith(`/${script}`) ? "the script" : shortName(source), sourcesContent[i] ?? ""]];
  });
  return new Map(modules);
}

/** What a pipeline file becomes; see bundle.ts. */
const PIPELINE = "/pipeline.ts";

/** Where Sluice lay on the machine that made the bundle: its entry says so. */
function sluiceRoot(contents: readonly (string | null)[]): string | undefined {
  for (const content of contents) {
    const [, url] =
      /^import "((?:file|https?):[^"]*\/)controller\/sandbox\/realm\/install\.ts";$/m.exec(content ?? "") ?? [];
    if (url !== undefined) return url.startsWith("file:") ? fileURLToPath(url) : url;
  }
  return undefined;
}

/** An npm package with its version, or the last two parts of a path. */
function shortName(source: string): string {
  const [, name, version] = /\/((?:@[^/]+\/)?[^/@]+)\/(\d+\.\d+\.[^/]+)\//.exec(source) ?? [];
  return name === undefined ? source.split("/").slice(-2).join("/") : `npm:${name}@${version}`;
}

function parametersOf({ sourceMap }: JournaledCode): string {
  const { sources, sourcesContent = [] } = JSON.parse(sourceMap) as SourceMap;
  const at = sources.findIndex((source) => isGenerated(source) && source.endsWith(PARAMETERS));
  return /setParameters\((.*)\)/.exec(sourcesContent[at] ?? "")?.[1] ?? "{}";
}
