/** The S3 emulator s3rver, from npm, run by Node, with one bucket. */

import { join } from "node:path";
import { npmPackage } from "./npm_package.ts";
import { freePorts, isListening, startServer } from "./server.ts";
import type { Started } from "./services.ts";

const VERSION = "3.7.1";

/** The bucket that is there. */
export const BUCKET = "sluice";

/** Starts an emulator; what it holds lies in `folder`. */
export async function startS3(folder: string): Promise<Started> {
  const program = await npmPackage("s3rver", VERSION);
  const [port] = freePorts(1);
  const pid = await startServer({
    program: "node",
    args: [join(program, "bin/s3rver.js"), "--directory", join(folder, "data"), "--address", "127.0.0.1"]
      .concat(["--port", String(port), "--configure-bucket", BUCKET]),
    folder,
    isReady: () => isListening(port),
  });
  return { pid, address: `127.0.0.1:${port}`, folder };
}
