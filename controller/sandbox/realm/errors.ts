/** Error stacks show the processor's own frames and nothing of the host: their text may end up in outputs. */

const STACK_FRAMES_MAX = 50;

/** The frames that belong to a bundle; the host loads it under this name. */
export const BUNDLE_FILE = "processor:bundle.js";

interface CallSite {
  getFileName?(): unknown;
  getFunctionName(): string | null;
  getLineNumber(): number | null;
  getColumnNumber(): number | null;
}

/** Fixes how stacks are written. */
export function installErrors(): void {
  Object.defineProperty(Error, "stackTraceLimit", { value: STACK_FRAMES_MAX, writable: false, configurable: false });
  Object.defineProperty(Error, "prepareStackTrace", { value: writeStack, writable: false, configurable: false });
}

function writeStack(error: unknown, frames: readonly CallSite[]): string {
  let text = heading(error);
  for (const frame of frames) {
    if (frame.getFileName?.() !== BUNDLE_FILE) continue;
    const name = frame.getFunctionName() ?? "<anonymous>";
    text += `\n    at ${name} (${BUNDLE_FILE}:${frame.getLineNumber()}:${frame.getColumnNumber()})`;
  }
  return text;
}

function heading(error: unknown): string {
  try {
    const { name, message } = error as Error;
    return `${name}: ${message}`;
  } catch {
    return "Error";
  }
}
