/** A file that is followed: what it says after each change, once that can be read. */

import { dirname, resolve } from "@std/path";
import { printMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** See the module. */
export interface WatchedFile {
  /** Answers what `read` reads once the file has changed and `read` does not refuse it; refusals are told. */
  next<T>(read: () => Promise<T>): Promise<T>;
  close(): void;
}

/** Follows the file at `path`. Editors put another file in its place, so its folder is watched. */
export function watchFile(path: string): WatchedFile {
  const watcher = Deno.watchFs(dirname(resolve(path)));
  const events = watcher[Symbol.asyncIterator]();
  let text = textOf(path);
  return {
    async next<T>(read: () => Promise<T>): Promise<T> {
      while (!(await events.next()).done) {
        const now = textOf(path);
        if (now === text || now === "") continue;
        text = now;
        try {
          return await read();
        } catch (error) {
          if (!(error instanceof UsageError)) throw error;
          printMessage(`${error.message}\nThe runs go on as they are.`);
        }
      }
      return await new Promise<never>(() => {});
    },
    close: () => watcher.close(),
  };
}

/** Nothing while the file is away. */
function textOf(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
