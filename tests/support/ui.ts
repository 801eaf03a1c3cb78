/** `sluice ui` in a process of its own, and a browser that looks at it. */

import { type Browser, chromium } from "playwright-core";
import { spawnCli } from "./cli.ts";

const CHROMIUM = Deno.env.get("SLUICE_CHROMIUM") ?? "/usr/bin/chromium";

/** A page that is served. */
export interface ServedUi extends AsyncDisposable {
  readonly url: string;
}

/** Starts the page over the journal in `cwd`. */
export async function serveUi(cwd: string, args: readonly string[] = []): Promise<ServedUi> {
  const child = spawnCli(["ui", "--port", "0", "--json", ...args], { cwd });
  const reader = child.stdout.pipeThrough(new TextDecoderStream() as TransformStream<Uint8Array, string>).getReader();
  const { value } = await reader.read();
  if (value === undefined) throw new Error(new TextDecoder().decode((await child.stderr.getReader().read()).value));
  const { url } = JSON.parse(value) as { url: string };
  return {
    url,
    async [Symbol.asyncDispose](): Promise<void> {
      child.kill("SIGTERM");
      await child.status;
      await Promise.all([reader.cancel(), child.stderr.cancel(), child.stdin.close()]);
    },
  };
}

/** A browser without a window. */
export async function openBrowser(): Promise<Browser> {
  return await chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-gpu"] });
}
