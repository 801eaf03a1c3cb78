/**
 * Commands with their output in the documents: blocks of ```console, run in order in a folder of the document's own, as its
 * reader would. A test compares what is there with what comes out; `deno task docs` writes what comes out.
 *
 * A line `$ …` is a command of a shell in which `sluice` is this Sluice, and the lines behind it are its output. `…` stands for
 * what differs from run to run: a rest of a line, or, alone, for any lines.
 */

import { join } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const BLOCK = /```console\n([\s\S]*?)```/g;
/** What no two runs have in common. */
const VARYING: readonly (readonly [pattern: RegExp, shown: string])[] = [
  [/\b\d{4}-\d\d-\d\dT[\d:.]+Z?/g, "…"],
  [/\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}\b/g, "…"],
  [/\b[0-9a-f]{12}\b/g, "…"],
  [/\b\d+(\.\d+)?(?= (ms|s|KB|MB|records\/s)\b)/g, "…"],
];

/** A command and what it printed. */
interface Exchange {
  readonly command: string;
  readonly output: readonly string[];
}

/** A document whose output is not what its commands print. */
export interface Mismatch {
  readonly command: string;
  readonly wanted: string;
  readonly actual: string;
}

/** The documents that have such blocks. */
export function documents(): readonly string[] {
  const all = ["README.md", ...[...Deno.readDirSync(join(ROOT, "docs"))].map(({ name }) => `docs/${name}`)].sort();
  return all.filter((path) => path.endsWith(".md") && Deno.readTextFileSync(join(ROOT, path)).search(BLOCK) >= 0);
}

function parse(block: string): readonly Exchange[] {
  const exchanges: { command: string; output: string[] }[] = [];
  for (const line of block.replace(/\n$/, "").split("\n")) {
    if (line.startsWith("$ ")) exchanges.push({ command: line.slice(2), output: [] });
    else exchanges.at(-1)?.output.push(line);
  }
  return exchanges;
}

/** A shell in a folder of its own. */
class Session implements AsyncDisposable {
  readonly #folder = Deno.makeTempDirSync({ prefix: "sluice-docs-" });
  #at = this.#folder;

  async run(command: string): Promise<string> {
    const sluice = `sluice() { "${Deno.execPath()}" run --quiet -A "${ROOT}cli/main.ts" "$@"; }`;
    const { stdout } = await new Deno.Command("bash", {
      args: [
        "-c",
        `${sluice}\ncd "${this.#at}"\n{ ${command}\n} 2>&1\ncode=$?\npwd > "${this.#folder}/.at"\nexit $code`,
      ],
      env: { NO_COLOR: "1", SLUICE_CACHE: join(this.#folder, ".cache"), TZ: "UTC" },
      stderr: "null",
    }).output();
    this.#at = Deno.readTextFileSync(join(this.#folder, ".at")).trim();
    const text = new TextDecoder().decode(stdout).replaceAll(this.#folder, "…").replace(/\n$/, "");
    return VARYING.reduce((shown, [pattern, by]) => shown.replace(pattern, by), text);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Deno.remove(this.#folder, { recursive: true });
  }
}

/** Whether what was printed is what is written. */
function fits(written: string, printed: string): boolean {
  const pattern = written.split("\n").map((line) => {
    return line.trim() === "…" ? "[\\s\\S]*?" : line.split("…").map(RegExp.escape).join("[^\\n]*");
  }).join("\n");
  return new RegExp(`^${pattern}$`).test(printed);
}

/** Runs all commands of a document; answers those that print something else than it says. */
export async function check(path: string): Promise<readonly Mismatch[]> {
  await using session = new Session();
  const mismatches: Mismatch[] = [];
  for (const [, block] of Deno.readTextFileSync(join(ROOT, path)).matchAll(BLOCK)) {
    for (const { command, output } of parse(block)) {
      const actual = await session.run(command);
      const wanted = output.join("\n");
      if (!fits(wanted, actual)) mismatches.push({ command, wanted, actual });
    }
  }
  return mismatches;
}

/** Writes what the commands of a document print into it, where that is not what it says. */
async function rewrite(path: string): Promise<void> {
  await using session = new Session();
  let text = Deno.readTextFileSync(join(ROOT, path));
  for (const [whole, block] of text.matchAll(BLOCK)) {
    const lines: string[] = [];
    for (const { command, output } of parse(block)) {
      const actual = await session.run(command);
      const shown = fits(output.join("\n"), actual) ? output : actual.split("\n");
      lines.push(`$ ${command}`, ...(shown.length === 1 && shown[0] === "" ? [] : shown));
    }
    text = text.replace(whole, () => `\`\`\`console\n${lines.join("\n")}\n\`\`\``);
  }
  Deno.writeTextFileSync(join(ROOT, path), text);
}

if (import.meta.main) { for (const path of documents()) await rewrite(path); }
