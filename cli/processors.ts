/** Processors as users name them: a path, or one of the ready-made; and their parameters. */

import { fileURLToPath } from "node:url";
import { isPrebuilt } from "../controller/sandbox/prebuilt.ts";
import { compareText } from "../engine/state.ts";
import { READY_MADE } from "../processors/ready_made.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Where the processor that `name` means is: a path, or the URL of a ready-made one where Sluice was loaded from elsewhere. A
 * file of that name wins over a ready-made processor.
 */
export function scriptOf(name: string): string {
  const readyMade = READY_MADE.find((known) => known.name === name);
  if (!readyMade || isFile(name) || isPrebuilt(name)) return name;
  return placeOf(readyMade.module);
}

/** A path, or a URL where Sluice was loaded from elsewhere: what bundlers and compilers take for the module at `url`. */
export function placeOf(url: string): string {
  return url.startsWith("file:") ? fileURLToPath(url) : url;
}

function isFile(path: string): boolean {
  try {
    return Deno.statSync(path).isFile;
  } catch {
    return false;
  }
}

/**
 * Parameters from `name=value`: JSON where the value is JSON, text otherwise; of one name the last.
 *
 * They are part of the code's hash, so they are in an order of their own: as typed otherwise, they are the same code.
 */
export function parseParameters(texts: readonly string[]): Readonly<Record<string, unknown>> {
  const parsed = texts.map((text) => {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(text) ?? [];
    if (name === undefined) throw new UsageError(`Cannot use --set ${text}: name=value is wanted`);
    return [name, parseValue(value)] as const;
  });
  return Object.fromEntries(parsed.sort(([a], [b]) => compareText(a, b)));
}

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
