/** How failures are told: what happened, where, and the commands that help next. */

import { ProcessorFailed } from "../controller/task_errors.ts";
import { DEFAULT_JOURNAL } from "./options.ts";
import { printMessage } from "./output.ts";

/** Prints why tasks stopped. */
export async function reportFailures(failures: readonly Error[], context: FailureContext): Promise<void> {
  for (const error of failures) printMessage(await describeFailure(error, context));
}

/** What it takes to tell a failure. */
export interface FailureContext {
  readonly run: string;
  readonly journal: string;
  /** Of the processor's bundle. */
  readonly sourceMap: string;
}

async function describeFailure(error: Error, { run, journal, sourceMap }: FailureContext): Promise<string> {
  if (!(error instanceof ProcessorFailed)) return isExpected(error) ? error.message : error.stack ?? error.message;
  const { failure } = error;
  const options = journal === DEFAULT_JOURNAL ? "" : ` --journal ${journal}`;
  // Loaded only now: a run that goes well should not wait for it.
  const { SourcePositions } = await import("../controller/sandbox/source_positions.ts");
  const frames = new SourcePositions(sourceMap).translate(failure.stack.split("\n").slice(1).join("\n"));
  return [
    error.message,
    ...(frames === "" ? [] : [frames]),
    "Everything before it is committed, nothing after it was processed. What helps next:",
    ...inColumns([
      [`sluice replay ${run} --failed${options}`, "run it again, with the same time and state"],
      [`sluice replay ${run} --failed --inspect${options}`, "under a debugger, stopped before it"],
      [`sluice replay ${run} --failed --with FIXED.ts${options}`, "try a change on it"],
      [`sluice export ${run} --failed -o incident.sluice${options}`, "take it away, and make a test of it"],
      [`sluice run … --on-error dead-letter${options}`, "put it aside and go on"],
    ]),
  ].join("\n");
}

function inColumns(rows: readonly (readonly [command: string, what: string])[]): readonly string[] {
  const width = Math.max(...rows.map(([command]) => command.length));
  return rows.map(([command, what]) => `  ${command.padEnd(width)}  ${what}`);
}

/** Errors with a code are told in a sentence; others are our own mistakes and show where. */
function isExpected(error: Error): boolean {
  return typeof (error as { code?: unknown }).code === "string";
}
