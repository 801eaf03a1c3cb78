/** `sluice ui`: a local page over a journal. */

import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { UiApi } from "./ui/api.ts";
import { serveUi } from "./ui/server.ts";

/** The options as commander gives them. */
export interface UiCommandOptions {
  readonly journal: string;
  readonly port: number;
  readonly host: string;
  readonly json: boolean;
}

/** Serves until Ctrl-C; answers the exit code. */
export async function uiCommand({ journal, port, host, json }: UiCommandOptions): Promise<number> {
  await using api = new UiApi(journal);
  const stop = new AbortController();
  const onSignal = (): void => stop.abort();
  for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.addSignalListener(signal, onSignal);
  const isLocal = host === "localhost" || host === "::1" || host.startsWith("127.");
  const token = isLocal ? undefined : crypto.randomUUID().replaceAll("-", "");
  try {
    await serveUi(api, {
      hostname: host,
      port,
      token,
      signal: stop.signal,
      onListening: (url) => {
        if (json) printData(JSON.stringify({ url, journal }));
        else {
          printMessage(`${url}  (journal ${journal}; Ctrl-C ends it)`);
          if (token !== undefined) {
            printMessage("Whoever has this address can read the journal; it is not encrypted on its way.");
          }
        }
      },
    });
    return EXIT.ok;
  } catch (error) {
    if (!(error instanceof Deno.errors.AddrInUse)) throw error;
    printMessage(`Cannot serve at ${host}:${port}: something else is there; choose another with --port, 0 for any`);
    return EXIT.failure;
  } finally {
    for (const signal of ["SIGINT", "SIGTERM"] as const) Deno.removeSignalListener(signal, onSignal);
  }
}
