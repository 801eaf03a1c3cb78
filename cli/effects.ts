/** The module with the handlers of effects that the user named. */

import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { EffectHandlers } from "../controller/effects.ts";
import { isExecutable } from "../controller/own_program.ts";
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
  try {
    return await evaluate(resolve(path));
  } catch (error) {
    const { message } = error as Error;
    if (UNMAPPED.test(message) && !isExecutable()) return await loadBundled(path);
    const reason = await Deno.stat(path).then(() => message, () => "there is no such file");
    throw new UsageError(`Cannot load effects ${path}: ${reason}`);
  }
}

async function evaluate(path: string): Promise<EffectHandlers> {
  return await import(pathToFileURL(path).href);
}

/** What Deno says of a name that its own import map does not have: nothing of the module has run by then. */
const UNMAPPED = /^(?:Import "[^"]+" not a dependency|Relative import path "[^"]+" not prefixed)/;

/** Names of the user's `deno.json` mean nothing to a program of another configuration; the bundler knows them. */
async function loadBundled(path: string): Promise<EffectHandlers> {
  const [{ inFolder }, { configFor }] = await Promise.all([
    import("../controller/sandbox/bundler.ts"),
    import("../controller/sandbox/script_config.ts"),
  ]);
  return await inFolder(async (folder) => {
    const [config, output] = [join(folder, "deno.json"), join(folder, "effects.js")];
    await Deno.writeTextFile(config, JSON.stringify(await configFor(resolve(path))));
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["bundle", "--quiet", "--no-lock", "--platform", "deno", "--format", "esm"]
        .concat(["--config", config, "-o", output, resolve(path)]),
      env: { NO_COLOR: "1" },
      stdout: "null",
      stderr: "piped",
    }).output();
    if (success) return await evaluate(output);
    const [reason] = new TextDecoder().decode(stderr).replace(/^error: (?:bundling failed\n*)?/, "").split("\n");
    throw new UsageError(`Cannot load effects ${path}: ${reason}`);
  });
}
