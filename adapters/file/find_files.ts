/** The files of a source: one, those in a folder and below, or those that a glob finds. */

import { dirname, globToRegExp, isGlob, join, relative } from "@std/path";
import { cannotRead } from "./tail.ts";

/**
 * Partition → path, in code unit order.
 *
 * @throws {SourceError} when there is no such file or folder
 */
export async function findFiles(path: string, stream: string): Promise<ReadonlyMap<string, string>> {
  if (isGlob(path)) return sorted(await filesBelow(rootOf(path), globToRegExp(path)), rootOf(path));
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw cannotRead({ path, stream, partition: "0" }, error);
  }
  if (!info.isDirectory) return new Map([["0", path]]);
  return sorted(await filesBelow(path, /(?:^|\/)[^./][^/]*$/), path);
}

function sorted(paths: readonly string[], root: string): ReadonlyMap<string, string> {
  const names = paths.map((path) => relative(root, path));
  return new Map(names.sort().map((name) => [name, join(root, name)]));
}

async function filesBelow(folder: string, pattern: RegExp): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(folder)) {
    const path = folder === "." ? name : join(folder, name);
    if (isDirectory) found.push(...await filesBelow(path, pattern));
    else if (pattern.test(path)) found.push(path);
  }
  return found;
}

/** Where `partition` lies; a file that is a stream by itself is partition 0. */
export function pathOf(path: string, partition: string): string {
  if (isGlob(path)) return join(rootOf(path), partition);
  try {
    return Deno.statSync(path).isDirectory ? join(path, partition) : path;
  } catch {
    // It is missing, which whoever opens it says better.
    return path;
  }
}

/** The part of a glob before its first wildcard. */
function rootOf(path: string): string {
  if (!isGlob(path)) return path;
  let root = path;
  while (isGlob(root)) root = dirname(root);
  return root;
}
