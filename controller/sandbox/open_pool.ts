/** From `isolation` to running sandboxes. */

import { SandboxPool } from "./pool.ts";
import { startProcessSandbox } from "./process_sandbox.ts";
import type { Isolation, Sandbox } from "./sandbox.ts";
import { startWorkerSandbox } from "./worker_sandbox.ts";

/** How many sandboxes of which kind. */
export interface PoolOptions {
  readonly workers?: number;
  readonly isolation?: Isolation;
}

/** The sandboxes of a run; the first one starts at once, while everything else is prepared. */
export function openPool({ workers = 1, isolation = "worker" }: PoolOptions): SandboxPool {
  const pool = new SandboxPool(workers, sandboxStarter(isolation));
  pool.get(0);
  return pool;
}

function sandboxStarter(isolation: Isolation): () => Sandbox {
  switch (isolation) {
    case "worker":
      return startWorkerSandbox;
    case "process":
      return startProcessSandbox;
    default:
      return isolation satisfies never;
  }
}
