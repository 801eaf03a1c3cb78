/** How an error that ends a command is told. */

import { EXIT } from "./exit_code.ts";
import { printMessage } from "./output.ts";

/**
 * Prints it; answers the exit code.
 *
 * @param of what it is about, where several things go on
 */
export function reportError(error: unknown, of?: string): number {
  const { code, message, stack } = error as { code?: unknown; message?: string; stack?: string };
  // What has a code is meant for the user; anything else is a mistake of ours and shows where.
  const text = typeof code === "string" ? `${message}` : stack ?? String(error);
  printMessage(of === undefined ? text : `${of}: ${text}`);
  return code === "E_USAGE" ? EXIT.usage : EXIT.failure;
}
