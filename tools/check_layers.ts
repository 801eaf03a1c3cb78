/** Checks who imports whom (docs/ARCHITECTURE.md, "Layers"). Prints every import that is not allowed. */

import { relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Layer → the layers it may import besides itself. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  engine: [],
  processors: ["engine", "formats", "processor.ts"],
  formats: ["engine"],
  ports: ["engine"],
  adapters: ["engine", "formats", "ports"],
  controller: ["engine", "formats", "ports"],
  // What scripts import: ready-made processors are scripts too.
  "processor.ts": ["engine", "formats"],
  "pipeline.ts": ["engine", "formats", "processors", "processor.ts"],
};

const ENTRIES = [
  "cli/main.ts",
  "mod.ts",
  "pipeline.ts",
  "testing.ts",
  "controller/sandbox/child.ts",
  "controller/sandbox/worker.ts",
]
  .concat(["controller/debug/debug_child.ts"]);

interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/** The layer of a file; adapters are a layer each. Undefined where anything goes. */
export function layerOf(path: string): string | undefined {
  const [top, second] = path.split("/");
  if (path === "processor.ts" || path === "pipeline.ts") return path;
  if (top === "adapters") return second.endsWith(".ts") ? "ports" : `adapters/${second}`;
  return top in ALLOWED ? top : undefined;
}

/** Whether a file of layer `from` may import one of layer `to`. */
export function isAllowed(from: string, to: string | undefined): boolean {
  if (to === undefined) return false;
  if (from === to) return true;
  return ALLOWED[from.startsWith("adapters/") ? "adapters" : from].includes(to);
}

async function graphOf(entry: string): Promise<ModuleGraph> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", entry], cwd: ROOT }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function violations(graph: ModuleGraph): string[] {
  const found: string[] = [];
  for (const { specifier, dependencies = [] } of graph.modules) {
    const path = pathOf(specifier);
    const layer = path && layerOf(path);
    if (!path || !layer) continue;
    for (const { code, type } of dependencies) {
      const target = pathOf(code?.specifier ?? type?.specifier ?? "");
      // Data, such as the versions in deno.json, is nobody's layer.
      if (target && !target.endsWith(".json") && !isAllowed(layer, layerOf(target))) {
        found.push(`${path} (${layer}) imports ${target}`);
      }
    }
  }
  return found;
}

function pathOf(specifier: string): string | undefined {
  if (!specifier.startsWith("file:")) return undefined;
  const path = relative(ROOT, fileURLToPath(specifier));
  return path.startsWith("..") || path.startsWith("third_party") ? undefined : path;
}

if (import.meta.main) {
  const found = new Set<string>();
  for (const entry of ENTRIES) {
    for (const violation of violations(await graphOf(entry))) found.add(violation);
  }
  for (const violation of found) console.error(violation);
  if (found.size > 0) Deno.exit(1);
}
