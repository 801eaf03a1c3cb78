/**
 * Logpoints: expressions that are evaluated at lines of the user's files while recorded feeds are run, without touching the
 * code. An inspector client pauses there, evaluates, and goes on.
 */

import type { JournaledCode } from "../journal/journal.ts";
import { SourcePositions } from "../sandbox/source_positions.ts";
import { BUNDLE_FILE } from "../sandbox/realm/errors.ts";
import { Inspector, type InspectorEvent } from "./inspector.ts";
import { DEBUG_HOOK } from "./process_hook.ts";

/** An expression, and the line before which it is evaluated. */
export interface Logpoint {
  readonly expression: string;
  /** The end of a path, such as `totals.ts` or `lib/tax.ts`. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** What one gave. */
export interface LogpointHit {
  readonly logpoint: Logpoint;
  /** The record that was being processed, or the last one before; null before the first. */
  readonly record: { readonly stream: string; readonly partition: string; readonly offset: string } | null;
  /** As JSON where it is JSON, else as text; an error in the expression as its message. */
  readonly text: string;
}

/** A logpoint that cannot be set. */
export class LogpointError extends Error {
  override readonly name = "LogpointError";
  readonly code = "E_LOGPOINT";
}

interface Paused {
  readonly hitBreakpoints?: readonly string[];
  readonly callFrames: readonly { readonly callFrameId: string }[];
}

/** Sets `logpoints` in the process whose inspector is at `url`, lets it run, and reports what they give. */
export async function watchLogpoints(
  url: string,
  code: JournaledCode,
  logpoints: readonly Logpoint[],
  onHit: (hit: LogpointHit) => void,
): Promise<Inspector> {
  const byId = new Map<string, readonly Logpoint[]>();
  const inspector: Inspector = await Inspector.connect(url, ({ method, params }: InspectorEvent) => {
    if (method === "Debugger.paused") {
      void answerPause(inspector, params as unknown as Paused, byId, onHit).catch(() => {});
    }
  });
  await inspector.send("Runtime.enable");
  await inspector.send("Debugger.enable");
  const positions = new SourcePositions(code.sourceMap);
  for (const alike of Map.groupBy(logpoints, ({ file, line }) => `${file}:${line}`).values()) {
    const place = placeOf(positions, alike[0]);
    const { breakpointId } = await inspector.send("Debugger.setBreakpointByUrl", { url: BUNDLE_FILE, ...place });
    byId.set(String(breakpointId), alike);
  }
  await inspector.send("Runtime.runIfWaitingForDebugger");
  return inspector;
}

/** @throws {LogpointError} when no code is there */
function placeOf(positions: SourcePositions, { file, line }: Logpoint): { lineNumber: number; columnNumber: number } {
  const found = positions.generated(file, line);
  if (found === undefined) {
    const files = positions.userFiles();
    // A pipeline file is data to the code that carries it out.
    const others = files.length > 0 ? `its files are ${files.join(", ")}` : "it has no script of its own (try --step)";
    throw new LogpointError(`Cannot log at ${file}:${line}: the recorded code has nothing there; ${others}`);
  }
  return { lineNumber: found.line - 1, columnNumber: found.column };
}

async function answerPause(
  inspector: Inspector,
  { hitBreakpoints = [], callFrames }: Paused,
  byId: ReadonlyMap<string, readonly Logpoint[]>,
  onHit: (hit: LogpointHit) => void,
): Promise<void> {
  const evaluate = async (expression: string): Promise<string> => {
    const answer = await inspector.send("Debugger.evaluateOnCallFrame", {
      callFrameId: callFrames[0].callFrameId,
      expression,
      returnByValue: true,
      silent: true,
    });
    return textOf(answer as unknown as Evaluated);
  };
  for (const logpoint of hitBreakpoints.flatMap((id) => byId.get(id) ?? [])) {
    const record = JSON.parse(await evaluate(`globalThis.${DEBUG_HOOK}.record()`)) as LogpointHit["record"];
    onHit({ logpoint, record, text: await evaluate(logpoint.expression) });
  }
  await inspector.send("Debugger.resume");
}

interface Evaluated {
  readonly result: { readonly type: string; readonly value?: unknown; readonly description?: string };
  readonly exceptionDetails?: { readonly exception?: { readonly description?: string } };
}

function textOf({ result, exceptionDetails }: Evaluated): string {
  if (exceptionDetails) return String(exceptionDetails.exception?.description ?? "it failed").split("\n")[0];
  if (result.type === "string") return String(result.value);
  return result.value === undefined ? result.description ?? result.type : JSON.stringify(result.value);
}
