/** What a run shows on a terminal, as `script` (of every Debian) makes one. */

import { assertEquals, assertMatch } from "@std/assert";
import { fileURLToPath } from "node:url";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const MAIN = fileURLToPath(new URL("../../cli/main.ts", import.meta.url));
const CONTROL_C = "\x03";

/** Runs `sluice args` on a terminal, and types Ctrl-C once it shows `until`; answers what is on the screen in the end. */
async function screenOf(args: readonly string[], cwd: string, until?: string): Promise<readonly string[]> {
  const command = [Deno.execPath(), "run", "--quiet", "-A", MAIN, ...args].join(" ");
  const child = new Deno.Command("script", {
    args: ["-qefc", command, "/dev/null"],
    cwd,
    stdin: "piped",
    stdout: "piped",
    env: { TERM: "xterm", NO_COLOR: "1" },
  }).spawn();
  const keyboard = child.stdin.getWriter();
  let shown = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const wasThere = until !== undefined && shown.includes(until);
    shown += text;
    if (until !== undefined && !wasThere && shown.includes(until)) {
      await keyboard.write(new TextEncoder().encode(CONTROL_C));
    }
  }
  await keyboard.close().catch(() => {});
  await child.status;
  return screen(shown);
}

/** The lines that are left when all movements on the line have been made. */
function screen(shown: string): readonly string[] {
  const lines = [""];
  let column = 0;
  // deno-lint-ignore no-control-regex
  for (const [piece, code] of shown.matchAll(/\x1b\[\d*([A-Z])|[^]/g)) {
    const line = lines.at(-1)!;
    if (code === "G" || piece === "\r") column = 0;
    else if (code === "K" || code === "J") lines[lines.length - 1] = piece === "\x1b[2K" ? "" : line.slice(0, column);
    else if (piece === "\n") lines.push("");
    else if (code === undefined) lines[lines.length - 1] = line.slice(0, column) + piece + line.slice(++column);
  }
  return lines.filter((line) => line !== "");
}

Deno.test("on a terminal, messages stand above the bar of a run, whose end takes it away", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("if (value % 20_000 === 0) console.log('at', value); context.emit({ value });"));
  // Enough for the bar to be drawn a few times.
  folder.write("in.ndjson", Array.from({ length: 200_000 }, (_, i) => `${i + 1}\n`).join(""));
  const args = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson", "--until-end"];
  const lines = await screenOf(args, folder.path);
  assertEquals(lines.slice(0, -1), Array.from({ length: 10 }, (_, i) => `[0] info: at ${20_000 * (i + 1)}`));
  assertMatch(lines.at(-1)!, /^test: 200000 records → 200000 outputs in /);
});

Deno.test("on a terminal, a run without an end says what it follows and how much there was, until Ctrl-C", async () => {
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  folder.write("in.ndjson", "1\n2\n");
  const args = ["run", "p.ts", "--from", "in.ndjson", "--to", "out.ndjson"];
  const lines = await screenOf(args, folder.path, "2 records · 2 outputs");
  assertEquals(lines.slice(0, -1), ["test: follows in.ndjson until it is stopped (Ctrl-C)"]);
  assertMatch(lines.at(-1)!, /^test: 2 records → 2 outputs in /);
});
