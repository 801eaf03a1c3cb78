/**
 * The public API as text, from `deno doc --json`: what a symbol is, without its words and its place. `deno task api` writes it to
 * `docs/api`, where a test compares it: what changes for users shows in a diff, and is changed on purpose.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import denoJson from "../deno.json" with { type: "json" };

const ROOT = fileURLToPath(new URL("..", import.meta.url));
/** Where the text is kept. */
export const API_FOLDER = join(ROOT, "docs/api");
/** Words and places change without anybody's code having to. */
const LEFT_OUT = new Set(["location", "jsDoc", "declarationKind", "hasBody", "resolution", "isAsync"]);

interface Symbol {
  readonly name: string;
  readonly declarations: readonly { readonly kind: string; readonly def?: unknown }[];
}

interface Doc {
  readonly nodes: Readonly<Record<string, { readonly symbols: readonly Symbol[] }>>;
}

/** The command exports nothing. */
const COMMAND = "./cli";

/** Module → its text: a line per symbol, in order of names. */
export async function publicApi(): Promise<ReadonlyMap<string, string>> {
  const modules = Object.entries(denoJson.exports).filter(([name]) => name !== COMMAND)
    .map(([name, path]) => ({ name: name.slice(2) || "mod", path }));
  const texts = new Map<string, string>();
  for (const { name, path } of modules) {
    const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["doc", "--json", path], cwd: ROOT }).output();
    const { nodes } = JSON.parse(new TextDecoder().decode(stdout)) as Doc;
    const lines = Object.values(nodes).flatMap(({ symbols }) => symbols).flatMap(({ name, declarations }) =>
      declarations.map(({ kind, def }) => `${name}: ${kind} ${JSON.stringify(reduced(def))}`)
    );
    texts.set(name, `${lines.sort().join("\n")}\n`);
  }
  return texts;
}

/** Types as they are written, where that says all. */
function reduced(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reduced);
  if (typeof value !== "object" || value === null) return value;
  const { repr, kind, value: inner } = value as { repr?: string; kind?: string; value?: { typeParams?: unknown } };
  if (typeof repr === "string" && repr !== "" && kind !== "fnOrConstructor" && kind !== "typeLiteral") {
    return inner?.typeParams ? [repr, reduced(inner.typeParams)] : repr;
  }
  const members = Object.entries(value).filter(([name, member]) => !LEFT_OUT.has(name) && !isNothing(member));
  return Object.fromEntries(members.map(([name, member]) => [name, reduced(member)]));
}

function isNothing(value: unknown): boolean {
  return value === undefined || value === null || value === false || value === "" ||
    (Array.isArray(value) && value.length === 0);
}

if (import.meta.main) {
  await Deno.mkdir(API_FOLDER, { recursive: true });
  for (const [name, text] of await publicApi()) await Deno.writeTextFile(join(API_FOLDER, `${name}.txt`), text);
}
