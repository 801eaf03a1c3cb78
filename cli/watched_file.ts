/** A file that is followed: what it says after each change, once that can be read. */

import { pause } from "../controller/pause.ts";
import { printMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** See the module. */
export interface WatchedFile {
  /** Answers what `read` reads once the file has changed and `read` does not refuse it; refusals are told. */
  next<T>(read: () => Promise<T>): Promise<T>;
  close(): void;
}

const LOOK_MS = 200;

/**
 * Follows the file at `path`, by looking at it. `Deno.watchFs` opens and closes whatever changes beside it: a journal, whose
 * locks are gone then, since a process loses those that it has on a file with any descriptor of it (fcntl(2)). A process that
 * came to read it then cut off what this one had mapped.
 */
export function watchFile(path: string): WatchedFile {
  const closing = new AbortController();
  let text = textOf(path);
  return {
    async next<T>(read: () => Promise<T>): Promise<T> {
      for (; !closing.signal.aborted; await pause(LOOK_MS, closing.signal)) {
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
    close: () => closing.abort(),
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
