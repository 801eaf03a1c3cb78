/** The command line as a user has it: a process of its own. */

import { fileURLToPath } from "node:url";

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const CRASHING_MAIN = fileURLToPath(new URL("../crash/crashing_main.ts", import.meta.url));

/** What a command did. */
export interface CliResult {
  readonly code: number;
  readonly signal: Deno.Signal | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** How to run a command. */
export interface CliOptions {
  readonly cwd?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string | Uint8Array;
  /** The step and feed after which the process kills itself, such as `prepared:3`; `first`: it only tells of its first step. */
  readonly crashAt?: string;
}

/** Starts `sluice args…`. */
export function spawnCli(args: readonly string[], { cwd, env = {}, crashAt }: CliOptions = {}): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", crashAt === undefined ? MAIN : CRASHING_MAIN, ...args],
    ...(cwd === undefined ? {} : { cwd }),
    env: { NO_COLOR: "1", ...env, ...(crashAt === undefined ? {} : { SLUICE_TEST_CRASH_AT: crashAt }) },
    stdin: "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Sends `signal` to `child`, unless it has ended by itself meanwhile: who kills at random cannot know. */
export function signalIfRunning(child: Deno.ChildProcess, signal: Deno.Signal): void {
  try {
    child.kill(signal);
  } catch (error) {
    if (!(error instanceof TypeError || error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Awaits `child`'s end, with all it printed, and kills it if it has not ended after `timeMs`. */
export async function outputOrKilledAfter(child: Deno.ChildProcess, timeMs: number): Promise<Deno.CommandOutput> {
  const timer = setTimeout(() => signalIfRunning(child, "SIGKILL"), timeMs);
  try {
    await child.stdin.close().catch(() => {});
    return await child.output();
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Kills `child`, which was started with `crashAt: "first"`, `timeMs` after its first step; or awaits its end, if that comes
 * before. What it printed is gone.
 */
export async function killAfterFirstStep(child: Deno.ChildProcess, timeMs: number): Promise<Deno.CommandStatus> {
  await child.stdin.close().catch(() => {});
  let timer: ReturnType<typeof setTimeout> | undefined;
  const read = async () => {
    for await (const _ of child.stderr) timer ??= setTimeout(() => signalIfRunning(child, "SIGKILL"), timeMs);
  };
  const [status] = await Promise.all([child.status, read(), child.stdout.cancel()]);
  clearTimeout(timer);
  return status;
}

/** Runs `sluice args…` to its end. */
export async function runCli(args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  const child = spawnCli(args, options);
  const writer = child.stdin.getWriter();
  const { stdin } = options;
  const written = (async () => {
    if (stdin !== undefined) await writer.write(typeof stdin === "string" ? new TextEncoder().encode(stdin) : stdin);
    await writer.close();
  })().catch(() => {});
  const { code, signal, stdout, stderr } = await child.output();
  await written;
  const decoder = new TextDecoder();
  return { code, signal, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}

/** Like {@linkcode runCli}, behind `prefix` in a shell: limits, another user. */
export async function shellCli(
  prefix: string,
  args: readonly string[],
  { cwd }: { readonly cwd: string },
): Promise<Pick<CliResult, "code" | "stdout" | "stderr">> {
  const { code, stdout, stderr } = await new Deno.Command("bash", {
    args: ["-c", `${prefix} "$0" "$@"`, Deno.execPath(), "run", "--quiet", "-A", MAIN, ...args],
    cwd,
    env: { NO_COLOR: "1" },
  }).output();
  const decoder = new TextDecoder();
  return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr) };
}
