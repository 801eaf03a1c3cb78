/**
 * Bundles of earlier runs, so that starting a processor does not start a bundler.
 *
 * An entry counts only while every file that went into it has the size and time of modification it had then. The cache
 * is a convenience: what cannot be read or written is as good as absent.
 */

import { createHash } from "node:crypto";
import { join } from "@std/path";
import type { Bundle, Parameters } from "./bundle.ts";

interface CacheEntry extends Bundle {
  readonly files: readonly FileStamp[];
}

interface FileStamp {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
}

/** The cached bundle of one script. */
export interface BundleCache {
  read(): Promise<Bundle | undefined>;
  write(bundle: Bundle, files: readonly string[]): Promise<void>;
}

/** The place of `script` in the cache: `$SLUICE_CACHE`, or `sluice` in the user's cache folder. */
export function bundleCache(script: string, parameters: Parameters): BundleCache {
  const folder = cacheFolder();
  const key = createHash("sha256").update(JSON.stringify([script, parameters])).digest("hex");
  const name = join(folder, `${key}.json`);
  return {
    async read(): Promise<Bundle | undefined> {
      try {
        const { files, ...bundle } = JSON.parse(await Deno.readTextFile(name)) as CacheEntry;
        const now = await Promise.all(files.map(({ path }) => stamp(path)));
        return JSON.stringify(now) === JSON.stringify(files) ? bundle : undefined;
      } catch {
        return undefined;
      }
    },
    async write(bundle: Bundle, files: readonly string[]): Promise<void> {
      try {
        const entry: CacheEntry = { ...bundle, files: await Promise.all(files.map(stamp)) };
        await Deno.mkdir(folder, { recursive: true });
        const partial = `${name}.${Deno.pid}`;
        await Deno.writeTextFile(partial, JSON.stringify(entry));
        await Deno.rename(partial, name);
      } catch {
        // Without a cache the next start bundles again; nothing depends on it.
      }
    },
  };
}

function cacheFolder(): string {
  const { SLUICE_CACHE, XDG_CACHE_HOME, HOME } = Deno.env.toObject();
  return SLUICE_CACHE ?? join(XDG_CACHE_HOME ?? join(HOME ?? Deno.cwd(), ".cache"), "sluice");
}

async function stamp(path: string): Promise<FileStamp> {
  const { size, mtime } = await Deno.stat(path);
  return { path, size, modifiedMs: mtime?.getTime() ?? 0 };
}
