/** How much memory a program takes at its peak. */

const SCRIPT = `"$0" "$@" >/dev/null & pid=$!; peak=0
  while [ -d /proc/$pid ]; do now=$(awk '/VmHWM/ {print $2}' /proc/$pid/status 2>/dev/null); peak=\${now:-$peak}; sleep 0.05; done
  wait $pid && echo $peak`;

/**
 * Runs a command of Deno's; answers the megabytes.
 *
 * @throws {Error} with what it said when it fails
 */
export async function peakMemoryMb(args: readonly string[]): Promise<number> {
  const { success, stdout, stderr } = await new Deno.Command("bash", { args: ["-c", SCRIPT, Deno.execPath(), ...args] })
    .output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(decoder.decode(stderr));
  return Math.round(Number(decoder.decode(stdout)) / 1000);
}
