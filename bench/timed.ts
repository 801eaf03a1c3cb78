/** How long a program takes: whole processes, start to exit. */

/**
 * Runs a script of Deno's; answers the milliseconds.
 *
 * @throws {Error} with what it said when it fails
 */
export async function timed(args: readonly string[]): Promise<number> {
  const startMs = performance.now();
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "-A", ...args],
    stdout: "null",
    stderr: "piped",
  }).output();
  if (!success) throw new Error(new TextDecoder().decode(stderr));
  return performance.now() - startMs;
}
