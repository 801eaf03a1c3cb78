/**
 * `sluice compile`: one executable that needs nothing installed: Sluice with all commands, both isolation levels, the page,
 * and processors, which are bundled here, since an executable has no bundler.
 */

import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { ANY_PIPELINE, type Prebuilt } from "../controller/sandbox/prebuilt.ts";
import { ownOriginOnly } from "../controller/own_program.ts";
import { prebuild } from "../controller/sandbox/bundle.ts";
import { READY_MADE } from "../processors/ready_made.ts";
import { type ExecutableContents, refuseInExecutable } from "./executable.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";
import { placeOf } from "./processors.ts";

/** Options of the command. */
export interface CompileOptions {
  readonly output: string;
  readonly target?: string;
  readonly allow: readonly string[];
  readonly json?: boolean;
}

const ROOT = new URL("../", import.meta.url);

/** What is started by its name, and so not found by following imports. */
export const ENTRIES: readonly string[] = ["controller/sandbox/worker.ts", "controller/sandbox/child.ts"];

/**
 * What Sluice does at all: its files, the servers that URIs name, the variables of its settings, names of host and system, and
 * itself once more, for `--isolation process`. No foreign code, and no code from elsewhere.
 */
export const PERMISSIONS: readonly string[] = ["read", "write", "net", "env", "sys", "run"];

/** Runs the command; answers the exit code. */
export async function compileCommand(targets: readonly string[], options: CompileOptions): Promise<number> {
  refuseInExecutable("compile");
  const folder = await Deno.makeTempDir({ prefix: "sluice-compile-" });
  try {
    const name = basename(options.output, extname(options.output));
    const contents = await prepare(folder, name, targets);
    const files = await compile(join(folder, "main.ts"), options);
    const { size } = await Deno.stat(await writtenPath(options));
    const names = contents.processors.map(({ name }) => name).filter((name) => name !== ANY_PIPELINE);
    if (options.json) printData(JSON.stringify({ output: options.output, bytes: size, processors: names, files }));
    else printMessage(`Wrote ${options.output}, ${Math.round(size / 1e6)} MB, with ${names.join(", ")}`);
    return EXIT.ok;
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Writes what is compiled into `folder`: an entry, `main.ts`, and its contents. */
export async function prepare(folder: string, name: string, targets: readonly string[]): Promise<ExecutableContents> {
  const contents = await contentsOf(targets, name);
  await Deno.writeTextFile(join(folder, "contents.json"), JSON.stringify(contents));
  await Deno.writeTextFile(join(folder, "main.ts"), entryModule());
  return contents;
}

/** The ready-made processors, whatever a pipeline file can say, and what was named. */
async function contentsOf(targets: readonly string[], name: string): Promise<ExecutableContents> {
  const { moduleOf } = await import("./pipelines/pipeline_module.ts");
  const processors: Prebuilt[] = [];
  for (const { name, module } of READY_MADE) processors.push(await prebuild(name, placeOf(module)));
  processors.push(await prebuild(ANY_PIPELINE, ANY_PIPELINE, { moduleOf: (spec) => moduleOf(".", [], spec) }));
  const files: Record<string, string> = {};
  for (const target of targets) {
    if (!isPipelineFile(target)) {
      processors.push(await prebuild(target, target));
      continue;
    }
    processors.push(await prebuild(target, target, { moduleOf: await moduleOfFile(target) }));
    files[target] = await Deno.readTextFile(target);
  }
  return { name, processors, files, targets };
}

/** One bundle for all pipelines of a file, with the scripts that any of them uses. */
async function moduleOfFile(path: string): Promise<(spec: string) => string> {
  const { moduleOf } = await import("./pipelines/pipeline_module.ts");
  const { readPipelines } = await import("./pipelines/pipeline_file.ts");
  const scripts = new Set(readPipelines(path, Deno.env.toObject()).flatMap(({ scripts }) => scripts));
  return (spec) => moduleOf(path, [...scripts], spec);
}

function entryModule(): string {
  const ours = (path: string): string => JSON.stringify(new URL(path, ROOT).href);
  return `import { setContents } from ${ours("cli/executable.ts")};
import contents from "./contents.json" with { type: "json" };

setContents(contents);
await import(${ours("cli/main.ts")});
`;
}

/** Answers the list of what was embedded, as the compiler shows it. */
async function compile(entry: string, { output, target, allow }: CompileOptions): Promise<string> {
  const flags = allow.length > 0 ? allow : PERMISSIONS.map((name) => `--allow-${name}`);
  const args = ["compile", "--no-prompt", "--no-check", ...flags, "--output", output]
    .concat(target === undefined ? [] : ["--target", target])
    .concat(
      ROOT.protocol === "file:"
        ? ["--config", fileURLToPath(new URL("deno.json", ROOT))]
        : [ownOriginOnly(ROOT), "--unstable-worker-options"],
    )
    .concat(ENTRIES.flatMap((path) => ["--include", placeOf(new URL(path, ROOT).href)]), [entry]);
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    env: { NO_COLOR: "1" },
    stdout: "null",
    stderr: "piped",
  }).output();
  const said = new TextDecoder().decode(stderr);
  if (success) return said.slice(said.indexOf("Embedded Files"));
  throw new CompileError(`Cannot compile ${output}: ${explain(said)}`);
}

/** The compiler's words, with what to do about a runtime that cannot be had. */
function explain(said: string): string {
  const text = said.replace(/\n*Stack backtrace:[\s\S]*$/, "").replace(/^error: /m, "").trim();
  const isOffline = /denort|download/i.test(text) && /dns|connect|network|resolve|404|sending request/i.test(text);
  return isOffline ? `${text}\nThe runtime is downloaded once; where that cannot be, DENORT_BIN names one` : text;
}

/** The compiler adds what executables are called on the target. */
async function writtenPath({ output }: CompileOptions): Promise<string> {
  const isThere = await Deno.stat(output).then(() => true, () => false);
  return isThere ? output : `${output}.exe`;
}

class CompileError extends Error {
  override readonly name = "CompileError";
  readonly code = "E_COMPILE";
}
