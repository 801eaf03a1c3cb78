/** Redis from Debian's package. */

import { freePorts, isListening, requireProgram, startServer } from "./server.ts";
import type { Started } from "./services.ts";

/** Starts a server whose data lies in `folder`. */
export async function startRedis(folder: string): Promise<Started> {
  await requireProgram("redis-server", "apt-get install -y redis-server");
  const [port] = freePorts(1);
  const pid = await startServer({
    program: "redis-server",
    args: ["--port", String(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "yes"]
      .concat(["--appendfsync", "everysec", "--dir", folder]),
    folder,
    isReady: () => isListening(port),
  });
  return { pid, address: `127.0.0.1:${port}`, folder };
}
