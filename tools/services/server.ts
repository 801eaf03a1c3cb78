/** Starting servers and waiting for them: free ports, readiness, missing programs. */

import { join } from "node:path";

const READY_TIMEOUT_MS = 60_000;
const READY_POLL_MS = 50;

/** Ports that nobody listens on now. */
export function freePorts(count: number): number[] {
  const listeners = Array.from({ length: count }, () => Deno.listen({ hostname: "127.0.0.1", port: 0 }));
  const ports = listeners.map(({ addr }) => (addr as Deno.NetAddr).port);
  for (const listener of listeners) listener.close();
  return ports;
}

/** A program to run, and where. */
export interface ServerCommand {
  readonly program: string;
  readonly args: readonly string[];
  readonly folder: string;
  /** Its working folder, where that is another one. */
  readonly cwd?: string;
  /** Whether it answers. */
  readonly isReady: () => Promise<boolean>;
}

/** Starts a server that outlives this process; resolves with its process id when it answers. */
export async function startServer({ program, args, folder, cwd, isReady }: ServerCommand): Promise<number> {
  const log = join(folder, "server.log");
  // A shell puts it into a session of its own, so that Ctrl-C in a terminal does not reach it, and tells its id.
  const { stdout } = await new Deno.Command("bash", {
    args: ["-c", 'setsid "$@" >"$0" 2>&1 </dev/null & echo $!', log, program, ...args],
    cwd: cwd ?? folder,
  }).output();
  const pid = Number(new TextDecoder().decode(stdout));
  for (const deadlineMs = performance.now() + READY_TIMEOUT_MS; !await isReady();) {
    if (!isAlive(pid) || performance.now() > deadlineMs) throw await neverReady(program, log);
    await new Promise((resolve) => setTimeout(resolve, READY_POLL_MS));
  }
  return pid;
}

async function neverReady(program: string, log: string): Promise<Error> {
  const lines = (await Deno.readTextFile(log)).trim().split("\n").slice(-5).join("\n");
  return new Error(`Cannot start ${program}: it ended or never answered. The end of ${log}:\n${lines}`);
}

/** Whether a process runs. */
export function isAlive(pid: number): boolean {
  try {
    Deno.kill(pid, "SIGCONT");
    return true;
  } catch {
    return false;
  }
}

/** Whether something listens at `port`. */
export async function isListening(port: number): Promise<boolean> {
  try {
    (await Deno.connect({ hostname: "127.0.0.1", port })).close();
    return true;
  } catch {
    return false;
  }
}

/** @throws {Error} that says how to install `program` when it is missing */
export async function requireProgram(program: string, install: string): Promise<void> {
  const { success } = await new Deno.Command("bash", { args: ["-c", 'command -v "$0"', program], stdout: "null" })
    .output();
  if (!success) throw new Error(`Cannot start the service: ${program} is not installed; run \`${install}\``);
}

/** Runs a program to its end. */
export async function runProgram(program: string, args: readonly string[], cwd: string): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(program, { args: [...args], cwd }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot run ${program} ${args.join(" ")}: ${decoder.decode(stderr)}${decoder.decode(stdout)}`);
  }
  return decoder.decode(stdout);
}
