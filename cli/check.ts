/** `sluice check`: whether a processor compiles, type-checks, and asks for nothing it cannot have. */

import { join, resolve } from "node:path";
import { BundleError } from "../controller/sandbox/bundle_error.ts";
import { ROOT } from "../controller/sandbox/bundler.ts";
import { ownOriginOnly } from "../controller/own_program.ts";
import { lintBundle, type LintFinding } from "../controller/sandbox/lint.ts";
import { openPool } from "../controller/sandbox/open_pool.ts";
import { configFor } from "../controller/sandbox/script_config.ts";
import { refuseInExecutable } from "./executable.ts";
import { EXIT } from "./exit_code.ts";
import { loadNamed } from "./load.ts";
import { printData, printMessage } from "./output.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";

/** What is wrong with a processor. */
interface CheckReport {
  readonly processor: string;
  readonly types: string | undefined;
  readonly forbidden: readonly LintFinding[];
  readonly load: string | undefined;
}

/** Runs the command; answers the exit code. */
export async function checkCommand(
  script: string,
  { json, set }: { readonly json: boolean; readonly set: readonly string[] },
): Promise<number> {
  if (isPipelineFile(script)) return (await import("./lint.ts")).lintCommand([script], { json });
  const report = await check(script, set);
  const problems = [report.types, report.load, ...report.forbidden.map(describeFinding)].filter((text) =>
    text !== undefined
  );
  if (json) printData(JSON.stringify({ ...report, ok: problems.length === 0 }));
  else if (problems.length === 0) printMessage(`${script}: all is well`);
  else for (const problem of problems) printMessage(problem);
  return problems.length === 0 ? EXIT.ok : EXIT.failure;
}

async function check(script: string, set: readonly string[]): Promise<CheckReport> {
  const pool = openPool({});
  try {
    const [{ bundle }, types] = await Promise.all([
      loadNamed(script, pool, { set }),
      typeErrors(script),
    ]);
    return { processor: script, types, forbidden: await lintBundle(bundle), load: undefined };
  } catch (error) {
    if (!(error instanceof BundleError)) throw error;
    return { processor: script, types: undefined, forbidden: [], load: error.message };
  } finally {
    pool.close();
  }
}

/** A finding in a sentence. */
export function describeFinding({ file, line, column, api, advice }: LintFinding): string {
  return `${file}:${line}:${column}: ${api} is not available in a processor: ${advice}`;
}

/** Types may come from anywhere; those of a Sluice that was loaded from elsewhere come from there. */
const OWN_ORIGIN = ROOT.protocol === "file:" ? [] : [ownOriginOnly(ROOT)];

async function typeErrors(script: string): Promise<string | undefined> {
  refuseInExecutable("check types");
  const folder = await Deno.makeTempDir({ prefix: "sluice-check-" });
  try {
    const config = join(folder, "deno.json");
    await Deno.writeTextFile(config, JSON.stringify(await configFor(resolve(script))));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["check", "--quiet", "--no-lock", ...OWN_ORIGIN, "--config", config, resolve(script)],
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return undefined;
    return new TextDecoder().decode(stderr).replace(/\n*(?:error: Type checking failed|Stack backtrace:)[\s\S]*$/, "")
      .trim();
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
