/** Entry of a sandbox in a child process: envelopes come over standard input, replies go to standard output. */

import { warmUp } from "./enclosure.ts";
import { closeDoors } from "./doors.ts";
import { revokeAll } from "../own_program.ts";
import { readFrames, writeFrame } from "./frames.ts";
import { SandboxHost } from "./host.ts";
import type { Envelope, Reply, Request } from "./protocol.ts";

revokeAll();

const PROGRESS_EVERY_MS = 500;
let current = 0;
let lastSignMs = 0;

const writer = Deno.stdout.writable.getWriter();
const post = (id: number, message: Reply): Promise<void> => writeFrame(writer, { id, message });

const host = new SandboxHost(() => {
  const nowMs = performance.now();
  if (nowMs - lastSignMs < PROGRESS_EVERY_MS) return;
  lastSignMs = nowMs;
  void post(current, { kind: "progress" });
});

closeDoors();

globalThis.addEventListener("unhandledrejection", (event) => {
  event.preventDefault();
  host.noteRejection(event.reason);
});

warmUp();

for await (const frame of readFrames(Deno.stdin.readable)) {
  const request = frame as Envelope<Request>;
  current = request.id;
  lastSignMs = performance.now();
  for (const { id, message } of host.handle(request)) {
    if (message.kind === "fed") await new Promise((resolve) => setTimeout(resolve, 0));
    await post(id, host.takeRejection() ?? message);
  }
}
