/** The DynamoDB emulator dynalite, from npm, run by Node. */

import { join } from "node:path";
import { npmPackage } from "./npm_package.ts";
import { freePorts, isListening, startServer } from "./server.ts";
import type { Started } from "./services.ts";

const VERSION = "4.0.0";

/** Starts an emulator; what it holds lies in its memory. */
export async function startDynamodb(folder: string): Promise<Started> {
  const program = await npmPackage("dynalite", VERSION);
  const [port] = freePorts(1);
  const instantly = ["--createTableMs", "0", "--deleteTableMs", "0"];
  const pid = await startServer({
    program: "node",
    args: [join(program, "cli.js"), "--port", String(port), ...instantly],
    folder,
    isReady: () => isListening(port),
  });
  return { pid, address: `127.0.0.1:${port}`, folder };
}
