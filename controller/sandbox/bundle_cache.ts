/**
 * Bundles of earlier runs, and what they said of themselves, so that starting a processor starts no bundler.
 *
 * A bundle counts only while every file that went into it has the size and time of modification it had then. The cache
 * is a convenience: what cannot be read or written is as good as absent.
 */

import { createHash } from "node:crypto";
import { join } from "node:path";

/** To be raised when the same files give another bundle: after a change to bundle.ts. */
const FORMAT = 6;

interface Stamped<T> {
  readonly value: T;
  readonly files: readonly FileStamp[];
}

interface FileStamp {
  readonly path: string;
  readonly size: number;
  readonly modifiedMs: number;
  /** When and where a file of a package was written last, as far as the system says so. */
  readonly installed?: readonly number[];
}

/** A cached bundle, or a part of one. */
export interface BundleCache<T> {
  read(): Promise<T | undefined>;
  write(value: T, files: readonly string[]): Promise<void>;
}

/** The place in the cache of what is made from `input`, which is JSON. */
export function bundleCache<T>(input: readonly unknown[]): BundleCache<T> {
  // Another Sluice on this machine bundles another engine.
  const identity = [FORMAT, import.meta.url, input];
  const key = createHash("sha256").update(JSON.stringify(identity)).digest("hex");
  const cached = cacheFile<Stamped<T>>(key);
  return {
    async read(): Promise<T | undefined> {
      const entry = await cached.read();
      if (!entry) return undefined;
      const { value, files } = entry;
      return JSON.stringify(files.map(({ path }) => stamp(path))) === JSON.stringify(files) ? value : undefined;
    },
    async write(value, files): Promise<void> {
      // A URL of a release stands for the same module for good.
      const stamps = files.filter((path) => !/^https?:/.test(path)).map(stamp);
      if (stamps.every((each) => each !== undefined)) await cached.write({ value, files: stamps });
    },
  };
}

/** A JSON value in the cache. */
export interface CacheFile<T> {
  read(): Promise<T | undefined>;
  write(value: T): Promise<void>;
}

/** The value `name` in the cache: in `$SLUICE_CACHE`, or `sluice` in the user's cache folder. */
export function cacheFile<T>(name: string): CacheFile<T> {
  const folder = cacheFolder();
  const path = join(folder, `${name}.json`);
  return {
    async read(): Promise<T | undefined> {
      try {
        return JSON.parse(await Deno.readTextFile(path)) as T;
      } catch {
        return undefined;
      }
    },
    async write(value: T): Promise<void> {
      try {
        await Deno.mkdir(folder, { recursive: true });
        const partial = `${path}.${Deno.pid}`;
        await Deno.writeTextFile(partial, JSON.stringify(value));
        await Deno.rename(partial, path);
      } catch {
        // Without a cache the next start does the work again; nothing depends on it.
      }
    },
  };
}

function cacheFolder(): string {
  const { SLUICE_CACHE, XDG_CACHE_HOME, HOME } = Deno.env.toObject();
  return SLUICE_CACHE ?? join(XDG_CACHE_HOME ?? join(HOME ?? Deno.cwd(), ".cache"), "sluice");
}

/** Synchronous: a few dozen files are looked at faster than they are awaited. */
function stamp(path: string): FileStamp | undefined {
  try {
    const { size, mtime, ctime, ino } = Deno.statSync(path);
    const stamped = { path, size, modifiedMs: mtime?.getTime() ?? 0 };
    // npm gives every file of every version the same time of modification.
    return path.includes("/node_modules/") ? { ...stamped, installed: [ctime?.getTime() ?? 0, ino ?? 0] } : stamped;
  } catch {
    return undefined;
  }
}
