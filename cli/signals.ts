/** Ctrl-C and SIGTERM: stop reading, finish, commit, exit; a second signal exits at once. */

import { EXIT } from "./exit_code.ts";

/** See the module. */
export interface Signals {
  /** Aborts at the first signal. */
  readonly stop: AbortSignal;
  /** What to exit with when all else went well. */
  readonly exitCode: number | undefined;
  close(): void;
}

/** Listens; what is not finished `timeoutMs` after the first signal is cut off, which `onCut` may tell. */
export function listenForSignals(timeoutMs: number, onCut?: () => void): Signals {
  const controller = new AbortController();
  let exitCode: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  const listener = (code: number, codeWhenCut: number) => (): void => {
    if (controller.signal.aborted) Deno.exit(codeWhenCut);
    exitCode = code;
    timer = setTimeout(() => {
      onCut?.();
      Deno.exit(codeWhenCut);
    }, timeoutMs);
    controller.abort();
  };
  const onInterrupt = listener(EXIT.interrupted, EXIT.interrupted);
  const onTerminate = listener(EXIT.ok, EXIT.terminated);
  Deno.addSignalListener("SIGINT", onInterrupt);
  Deno.addSignalListener("SIGTERM", onTerminate);
  return {
    stop: controller.signal,
    get exitCode() {
      return exitCode;
    },
    close(): void {
      clearTimeout(timer);
      Deno.removeSignalListener("SIGINT", onInterrupt);
      Deno.removeSignalListener("SIGTERM", onTerminate);
    },
  };
}
