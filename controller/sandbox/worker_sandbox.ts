/** Isolation `worker`: a Web Worker without permissions. */

import { Sandbox } from "./sandbox.ts";
import type { Envelope, Reply } from "./protocol.ts";

/** Starts a sandbox in a Web Worker. */
export function startWorkerSandbox(): Sandbox {
  return new Sandbox("worker", ({ onReply, onDeath }) => {
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      type: "module",
      name: "sluice-sandbox",
      deno: { permissions: "none" },
    });
    worker.onmessage = ({ data }: MessageEvent<Envelope<Reply>>) => onReply(data);
    worker.onerror = (event) => {
      event.preventDefault();
      onDeath("E_SANDBOX_DIED", event.message);
    };
    return {
      post: (envelope) => worker.postMessage(envelope),
      kill: () => worker.terminate(),
    };
  });
}
