/** Isolation `process`: a child process without permissions; it survives nothing, but neither does it take us along. */

import { ownProgram } from "../own_program.ts";
import { readFrames, writeFrame } from "./frames.ts";
import type { Envelope, Reply } from "./protocol.ts";
import { Sandbox } from "./sandbox.ts";

const ENTRY = new URL("./child.ts", import.meta.url);
const HEAP_MB_MAX = 2048;

/** Starts a sandbox in a child process. */
export function startProcessSandbox(): Sandbox {
  return new Sandbox("process", ({ onReply, onDeath }) => {
    const { command, args, env } = ownProgram("sandbox", ENTRY, [`--v8-flags=--max-old-space-size=${HEAP_MB_MAX}`]);
    const child = new Deno.Command(command, {
      args: [...args],
      stdin: "piped",
      stdout: "piped",
      stderr: "null",
      env: { ...env, TZ: "UTC", LANG: "en_US.UTF-8", LC_ALL: "en_US.UTF-8", NO_COLOR: "1" },
    }).spawn();
    const writer = child.stdin.getWriter();
    void receive(child.stdout, onReply);
    child.status.then(({ code, signal }) => {
      onDeath("E_SANDBOX_DIED", `its process ended (${signal ?? `exit code ${code}`}); it may have run out of memory`);
    });
    return {
      post: (envelope) => void writeFrame(writer, envelope).catch(() => {}),
      kill: () => kill(child),
    };
  });
}

async function receive(
  stdout: ReadableStream<Uint8Array>,
  onReply: (envelope: Envelope<Reply>) => void,
): Promise<void> {
  for await (const message of readFrames(stdout)) onReply(message as Envelope<Reply>);
}

function kill(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It has ended already.
  }
}
