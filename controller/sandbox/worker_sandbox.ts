/** Isolation `worker`: a Web Worker without permissions. */

import { movingCopy } from "./moving_copy.ts";
import type { Envelope, Reply, Request } from "./protocol.ts";
import { Sandbox } from "./sandbox.ts";

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
      post: (envelope) => post(worker, envelope),
      kill: () => worker.terminate(),
    };
  });
}

function post(worker: Worker, envelope: Envelope<Request>): void {
  const { id, message } = envelope;
  if (message.kind !== "feed") return worker.postMessage(envelope);
  const { feed, buffers } = movingCopy(message.feed);
  worker.postMessage({ id, message: { ...message, feed } }, [...buffers]);
}
