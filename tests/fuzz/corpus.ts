/** Inputs that are kept: those that found something new, and those that broke something once. */

import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Target } from "./target.ts";

const FOLDER = fileURLToPath(new URL("./corpus", import.meta.url));
/** More say little more, and are read at every test run. */
const KEPT_MAX = 60;

function folderOf({ name }: Pick<Target, "name">): string {
  return join(FOLDER, name.replaceAll(" ", "_"));
}

/** What is kept for a decoder. */
export function keptOf(target: Pick<Target, "name">): readonly Uint8Array<ArrayBuffer>[] {
  return filesOf(target).map((name) => Deno.readFileSync(join(folderOf(target), name)));
}

function filesOf(target: Pick<Target, "name">): readonly string[] {
  try {
    return [...Deno.readDirSync(folderOf(target))].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** Keeps an input that found something new, as long as there is room. */
export function keepNews(target: Pick<Target, "name">, input: Uint8Array): void {
  if (filesOf(target).length < KEPT_MAX) keep(target, input);
}

/** Keeps an input; answers where. */
export function keep(target: Pick<Target, "name">, input: Uint8Array): string {
  const name = createHash("sha256").update(input).digest("hex").slice(0, 16);
  const path = join(folderOf(target), name);
  Deno.mkdirSync(folderOf(target), { recursive: true });
  Deno.writeFileSync(path, input);
  return path;
}
