/** The Kinesis emulator kinesis-local, from npm, run by Node. */

import { npmPackage } from "./npm_package.ts";
import { freePorts, isListening, startServer } from "./server.ts";
import type { Started } from "./services.ts";

const VERSION = "0.6.2";
/** How long its changes of streams and shards take. */
const DURATION = "10ms";
/** Of all streams together, which is an account's limit. */
const SHARD_LIMIT = 10_000;
const DURATIONS = ["CREATE_STREAM", "DELETE_STREAM", "SPLIT_SHARD", "MERGE_SHARDS", "UPDATE_SHARD_COUNT"];

/** How it answers over TLS, where that is wanted. */
export interface KinesisTls {
  readonly port: number;
  /** A file with `{ "server": { "key": PEM, "cert": PEM } }`. */
  readonly certificate: string;
}

/** Starts an emulator; what it holds lies in its memory. */
export async function startKinesis(folder: string, tls?: KinesisTls): Promise<Started> {
  const program = await npmPackage("kinesis-local", VERSION);
  const [port, anyPort] = freePorts(2);
  const pid = await startServer({
    program: "env",
    args: [
      `KINESIS_MOCK_PLAIN_PORT=${port}`,
      `KINESIS_MOCK_TLS_PORT=${tls?.port ?? anyPort}`,
      ...(tls ? [`KINESIS_MOCK_CERT_PATH=${tls.certificate}`] : []),
      "LOG_LEVEL=ERROR",
      `SHARD_LIMIT=${SHARD_LIMIT}`,
      ...DURATIONS.map((name) => `${name}_DURATION=${DURATION}`),
      "node",
      "main.js",
    ],
    folder,
    // It looks for its parts in the working folder.
    cwd: program,
    isReady: () => isListening(port),
  });
  return { pid, address: `127.0.0.1:${port}`, folder };
}
