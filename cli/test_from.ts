/** `sluice test-from`: an incident as a test: its records as fixtures, its outputs and state as a snapshot. */

import { basename, dirname, join, relative, resolve } from "node:path";
import { openCase } from "../controller/cases/open_case.ts";
import { type CaseContents, readCase } from "../controller/cases/read_case.ts";
import { DEFAULT_LIMITS } from "../controller/limits.ts";
import { isExecutable } from "../controller/own_program.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import { counted } from "./counted.ts";
import { EXIT } from "./exit_code.ts";
import { printMessage } from "./output.ts";
import { isCaseFile } from "./recorded_run.ts";
import { testSource } from "./test_source.ts";
import { UsageError } from "./usage_error.ts";

/** The options as commander gives them. */
export interface TestFromOptions {
  readonly output?: string;
  readonly processor?: string;
}

const RECORDS_MAX = 2000;

/** Runs the command; answers the exit code. */
export async function testFromCommand(path: string, options: TestFromOptions): Promise<number> {
  if (!isCaseFile(path)) {
    throw new UsageError(`Cannot make a test from ${path}: a case is wanted; sluice export makes one`);
  }
  const output = options.output ?? join("tests", `${basename(path, ".sluice").replace(/\W+/g, "_")}_test.ts`);
  if (!/\.tsx?$/.test(output)) throw new UsageError(`Cannot write ${output}: a test is a .ts file`);
  if (await exists(output)) throw new UsageError(`Cannot write ${output}: it exists; name another file with -o`);
  const contents = await readContents(path);
  if (contents.records.length > RECORDS_MAX) {
    throw new UsageError(
      `Cannot make a readable test from ${
        counted(contents.records.length, "record")
      }: at most ${RECORDS_MAX}; export fewer feeds`,
    );
  }
  const processor = await processorPath(options.processor, contents);
  const source = testSource(contents, { path: specifierOf(output, processor), caseName: basename(path) });
  await Deno.mkdir(dirname(resolve(output)), { recursive: true });
  await Deno.writeTextFile(output, await formatted(source));
  printMessage(
    `${output}: ${counted(contents.records.length, "record")} through ${processor}\n` +
      `  deno test -A --update-snapshots ${output}   once the processor does what it should\n` +
      `  deno test -A ${output}                      from then on`,
  );
  return EXIT.ok;
}

async function readContents(path: string): Promise<CaseContents> {
  const { journal, run } = openCase(path);
  const pool = openPool({});
  try {
    const [task] = journal.tasks(run);
    const sources = { get: () => undefined };
    const recording = {
      journal,
      run,
      taskJournal: journal.task(task),
      sources,
      sandbox: () => pool.get(0),
      limits: DEFAULT_LIMITS,
    };
    return await readCase(recording);
  } finally {
    pool.close();
    journal.close();
  }
}

/** The script that was recorded, where it still is; else one of its name, here. */
async function processorPath(given: string | undefined, { script, scriptPath }: CaseContents): Promise<string> {
  if (given !== undefined) {
    if (await exists(given)) return given;
    throw new UsageError(`Cannot use --processor ${given}: there is no such file`);
  }
  if (scriptPath !== undefined && await exists(scriptPath)) return scriptPath;
  const here = basename(script);
  if (await exists(here)) return here;
  throw new UsageError(`Cannot find the processor ${here} that was recorded: name it with --processor`);
}

/** How the test at `output` imports `path`. */
function specifierOf(output: string, path: string): string {
  const specifier = relative(dirname(resolve(output)), resolve(path)).replaceAll("\\", "/")
    // What has a meaning of its own in a URL.
    .replace(/[%#?]/g, encodeURIComponent);
  return specifier.startsWith(".") ? specifier : `./${specifier}`;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** As `deno fmt` would write it. */
async function formatted(source: string): Promise<string> {
  if (isExecutable()) return source;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["fmt", "--quiet", "--no-config", "--line-width", "120", "--ext", "ts", "-"],
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  await writer.write(new TextEncoder().encode(source));
  await writer.close();
  const { success, stdout } = await child.output();
  return success ? new TextDecoder().decode(stdout) : source;
}
