/** Servers that come as npm packages, run by Node. */

import { join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { requireProgram, runProgram } from "./server.ts";

/** Installs `name` once; answers the folder of the package. */
export async function npmPackage(name: string, version: string): Promise<string> {
  await requireProgram("node", "apt-get install -y nodejs npm");
  const root = join(cacheFolder(), `${name}-${version}`);
  const folder = join(root, "node_modules", name);
  const isThere = await Deno.stat(folder).then(() => true, () => false);
  if (isThere) return folder;
  await Deno.mkdir(root, { recursive: true });
  const quiet = ["--silent", "--no-fund", "--no-audit"];
  await runProgram("npm", ["install", ...quiet, "--prefix", root, `${name}@${version}`], root);
  return folder;
}
