/** From `--isolation` to the way sandboxes are started. */

import { startProcessSandbox } from "../controller/sandbox/process_sandbox.ts";
import type { Isolation, Sandbox } from "../controller/sandbox/sandbox.ts";
import { startWorkerSandbox } from "../controller/sandbox/worker_sandbox.ts";

/** Starts sandboxes of one kind. */
export function sandboxStarter(isolation: Isolation): () => Sandbox {
  switch (isolation) {
    case "worker":
      return startWorkerSandbox;
    case "process":
      return startProcessSandbox;
    default:
      return isolation satisfies never;
  }
}
