/** Entry of a sandbox in a Web Worker: takes envelopes, answers envelopes. */

/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
/// <reference lib="esnext" />

import { warmUp } from "./enclosure.ts";
import { closeDoors } from "./doors.ts";
import { SandboxHost } from "./host.ts";
import { type Envelope, type Reply, replyBuffers, type Request } from "./protocol.ts";

const post = self.postMessage.bind(self) as (message: Envelope<Reply>, transfer: Transferable[]) => void;
const channel = new MessageChannel();

const PROGRESS_EVERY_MS = 500;
let current = 0;
let lastSignMs = 0;

const host = new SandboxHost(() => {
  const nowMs = performance.now();
  if (nowMs - lastSignMs < PROGRESS_EVERY_MS) return;
  lastSignMs = nowMs;
  post({ id: current, message: { kind: "progress" } }, []);
});

closeDoors();

self.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  host.noteRejection(event.reason);
});

warmUp();

let answered = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<Envelope<Request>>) => {
  answered = answered.then(() => answer(data));
};

async function answer(request: Envelope<Request>): Promise<void> {
  current = request.id;
  lastSignMs = performance.now();
  for (const { id, message } of host.handle(request)) {
    // Rejections that nobody handled are reported once the event loop turns; only then is a feed known to be sound.
    if (message.kind === "fed") await turn();
    const reply = host.takeRejection() ?? message;
    post({ id, message: reply }, replyBuffers(reply));
  }
}

function turn(): Promise<void> {
  return new Promise((resolve) => {
    channel.port1.onmessage = () => resolve();
    channel.port2.postMessage(0);
  });
}
