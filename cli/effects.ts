/** The module with the handlers of effects that the user named. */

import type { EffectHandlers } from "../controller/effects.ts";

/** Its exports; none without a module. */
export async function loadEffects(path: string | undefined): Promise<EffectHandlers> {
  if (path === undefined) return {};
  return { ...await import(new URL(path, `file://${Deno.cwd()}/`).href) };
}
