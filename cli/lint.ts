/** `sluice lint`: everything that is wrong in a pipeline file, with its place. */

import { resolve } from "node:path";
import { EXIT } from "./exit_code.ts";
import { isPipelineFile } from "./pipelines/is_pipeline_file.ts";
import { printData, printMessage } from "./output.ts";
import { folderOf, PipelineFileError, readPipelines } from "./pipelines/pipeline_file.ts";
import { UsageError } from "./usage_error.ts";

/** Runs the command over files; answers the exit code. */
export function lintCommand(paths: readonly string[], { json }: { readonly json: boolean }): number {
  const reports = paths.map((path) => ({ file: path, ...lint(path) }));
  if (json) printData(JSON.stringify(reports));
  else {for (const { file, findings, pipelines } of reports) {
      for (const { line, column, message } of findings) printMessage(`${file}:${line}:${column}: ${message}`);
      if (findings.length === 0) printMessage(`${file}: ${pipelines.join(", ")}: all is well`);
    }}
  return reports.some(({ findings }) => findings.length > 0) ? EXIT.usage : EXIT.ok;
}

function lint(path: string): Pick<PipelineFileError, "findings"> & { readonly pipelines: readonly string[] } {
  if (!isPipelineFile(path)) {
    throw new UsageError(`Cannot lint ${path}: a .yaml file is wanted; scripts are checked by sluice check`);
  }
  try {
    const pipelines = readPipelines(path, Deno.env.toObject());
    const findings = pipelines.flatMap(({ scripts }) => scripts).flatMap((script) => missingScript(path, script));
    return { pipelines: pipelines.map(({ spec }) => spec.name), findings };
  } catch (error) {
    if (error instanceof PipelineFileError) return { pipelines: [], findings: error.findings };
    throw error;
  }
}

function missingScript(path: string, script: string): PipelineFileError["findings"] {
  const [file] = script.split("#");
  const line = 1 + Deno.readTextFileSync(path).split("\n").findIndex((text) => text.includes(script));
  try {
    Deno.statSync(resolve(folderOf(path), file));
    return [];
  } catch {
    return [{ line, column: 1, message: `Cannot use ${script}: there is no such file beside the pipeline` }];
  }
}
