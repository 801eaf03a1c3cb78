/** Refuses a run that would read what it writes: files that come into a folder are read like those that were there. */

import { join, relative, resolve } from "node:path";
import { globToRegExp } from "@std/path/glob-to-regexp";
import { isGlob } from "@std/path/is-glob";
import { parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** What a run reads and writes. */
export interface ReadAndWritten {
  readonly inputs: Iterable<string>;
  readonly outputs: Iterable<string>;
  readonly journal: string;
}

/** @throws {UsageError} when an output or the journal lies in a folder, or is called like the files, that are read */
export function refuseOwnOutput({ inputs, outputs, journal }: ReadAndWritten): void {
  const written = [...pathsOf(outputs).map(filesOf), journal];
  for (const read of pathsOf(inputs)) {
    const own = written.find((path) => isReadBy(read, path));
    if (own === undefined) continue;
    throw new UsageError(`Cannot write ${own}: the run reads ${read}, and would read that as well; write elsewhere`);
  }
}

function pathsOf(uris: Iterable<string>): readonly string[] {
  return [...uris].map((uri) => parseUri(uri)).filter(({ scheme }) => scheme === "file").map(({ path }) => path);
}

/** A folder gets a file per task. */
function filesOf(path: string): string {
  return path.endsWith("/") || isFolder(path) ? join(path, "part-0.ndjson") : path;
}

function isReadBy(read: string, path: string): boolean {
  if (isGlob(read)) return globToRegExp(resolve(read)).test(resolve(path));
  // Names that begin with a dot are passed over.
  return isFolder(read) && !/^\.|\/\./.test(relative(resolve(read), resolve(path)));
}

function isFolder(path: string): boolean {
  try {
    return Deno.statSync(path).isDirectory;
  } catch {
    return false;
  }
}
