/** The module with the handlers of effects that the user named. */

import { resolve, toFileUrl } from "@std/path";
import type { EffectHandlers } from "../controller/effects.ts";
import { UsageError } from "./usage_error.ts";

/**
 * Its exports; none without a module.
 *
 * @throws {UsageError} when it cannot be loaded, or exports something else than functions
 */
export async function loadEffects(path: string | undefined): Promise<EffectHandlers> {
  if (path === undefined) return {};
  const handlers = { ...await load(path) };
  const [name] = Object.keys(handlers).filter((each) => typeof handlers[each] !== "function");
  if (name === undefined) return handlers;
  throw new UsageError(`Cannot use effects ${path}: its export ${name} is no function, a handler is wanted`);
}

async function load(path: string): Promise<EffectHandlers> {
  const url = toFileUrl(resolve(path)).href;
  try {
    return await import(url);
  } catch (error) {
    const reason = await Deno.stat(path).then(() => (error as Error).message, () => "there is no such file");
    throw new UsageError(`Cannot load effects ${path}: ${reason}`);
  }
}
