/** The files of a source: one, those in a folder and below, or those that a glob finds. */

import { dirname, join, relative } from "node:path";
import { globToRegExp } from "@std/path/glob-to-regexp";
import { isGlob } from "@std/path/is-glob";
import { cannotRead } from "./tail.ts";

/**
 * Partition → path, in code unit order.
 *
 * @throws {SourceError} when there is no such file or folder
 */
export async function findFiles(path: string, stream: string): Promise<ReadonlyMap<string, string>> {
  if (isGlob(path)) return sorted(await filesBelow(rootOf(path), globToRegExp(path), stream), rootOf(path));
  let info: Deno.FileInfo;
  try {
    info = await Deno.stat(path);
  } catch (error) {
    throw cannotRead({ path, stream, partition: "0" }, error);
  }
  if (info.isFile) return new Map([["0", path]]);
  if (!info.isDirectory) throw cannotRead({ path, stream, partition: "0" }, new NoFile());
  return sorted(await filesBelow(path, /(?:^|\/)[^./][^/]*$/, stream), path);
}

/** Opening a pipe would wait for whoever writes to it, and a device has no end to come back to. */
class NoFile extends Error {
  constructor() {
    super("it is a pipe or a device, no file; pipe it in, with --from -");
  }
}

function sorted(paths: readonly string[], root: string): ReadonlyMap<string, string> {
  const names = paths.map((path) => relative(root, path));
  return new Map(names.sort().map((name) => [name, join(root, name)]));
}

async function filesBelow(folder: string, pattern: RegExp, stream: string): Promise<string[]> {
  const found: string[] = [];
  for await (const { name, isDirectory, isFile, isSymlink } of Deno.readDir(folder)) {
    const path = folder === "." ? name : join(folder, name);
    if (isDirectory) found.push(...await filesBelow(path, pattern, stream));
    else if (!pattern.test(path)) continue;
    else if (isFile || isSymlink) found.push(path);
    else throw cannotRead({ path, stream, partition: name }, new NoFile());
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
