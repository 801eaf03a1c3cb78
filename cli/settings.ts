/**
 * What was not typed: `SLUICE_<OPTION>` in the environment, then `sluice.yaml` in the working folder.
 *
 * Both give the options of `run`, and those that all commands share: where outputs go is a matter of a run, and a replay
 * that wrote there by a setting would be an accident.
 */

import type { Command, Option } from "commander";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

const FILE = "sluice.yaml";
const SHARED = new Set(["journal", "json"]);
const OFF = new Set(["", "0", "false", "no"]);

/**
 * Lets the options of `program` take their values from settings.
 *
 * @throws {UsageError} when the file holds a name that no option has, or a value its option does not take
 */
export async function applySettings(program: Command): Promise<void> {
  const settable = settableOptions(program);
  for (const [name, value] of Object.entries(await readFile())) {
    const named = settable.filter(({ option }) => option.name() === name);
    if (named.length === 0) throw unknown(name, settable.map(({ option }) => option.name()));
    for (const each of named) setDefault(each, { from: `${name} in ${FILE}`, value });
  }
  for (const each of settable) {
    const from = `SLUICE_${each.option.name().toUpperCase().replaceAll("-", "_")}`;
    const value = Deno.env.get(from);
    if (value !== undefined) setDefault(each, { from, value: each.option.isBoolean() ? !OFF.has(value) : value });
  }
}

interface Settable {
  readonly command: Command;
  readonly option: Option;
}

function settableOptions(program: Command): Settable[] {
  return program.commands.flatMap((command) => [
    ...command.options
      .filter((option) => command.name() === "run" || SHARED.has(option.name()))
      .map((option) => ({ command, option })),
    ...settableOptions(command),
  ]);
}

async function readFile(): Promise<Readonly<Record<string, unknown>>> {
  let text: string;
  try {
    text = Deno.readTextFileSync(FILE);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return {};
    throw new UsageError(`Cannot read ${FILE}: ${(error as Error).message}`);
  }
  const { parse } = await import("yaml");
  let settings: unknown;
  try {
    settings = parse(text) ?? {};
  } catch (error) {
    throw new UsageError(
      `Cannot read ${FILE}: it is not YAML (${(error as Error).message.split("\n")[0].replace(/:$/, "")})`,
    );
  }
  if (typeof settings === "object" && settings !== null && !Array.isArray(settings)) return { ...settings };
  throw new UsageError(`Cannot read ${FILE}: option: value is wanted on every line`);
}

interface Setting {
  /** Where it was found. */
  readonly from: string;
  readonly value: unknown;
}

function setDefault({ command, option }: Settable, setting: Setting): void {
  const value = option.isBoolean() ? asFlag(setting) : asTexts(setting.value).reduce<unknown>(
    (previous, text) => parseText(option, { ...setting, value: text }, previous),
    option.defaultValue,
  );
  option.default(value);
  command.setOptionValueWithSource(option.attributeName(), value, "default");
}

function asFlag({ from, value }: Setting): boolean {
  if (typeof value === "boolean") return value;
  throw new UsageError(`Cannot use ${from}: it is ${JSON.stringify(value)}, true or false is wanted`);
}

/** `[a, b]` repeats the option; `{ a: 1 }` is `a=1`. */
function asTexts(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(asTexts);
  if (typeof value !== "object" || value === null) return [String(value)];
  return Object.entries(value).map(([name, each]) =>
    `${name}=${typeof each === "string" ? each : JSON.stringify(each)}`
  );
}

function parseText(option: Option, { from, value }: Setting, previous: unknown): unknown {
  try {
    return option.parseArg ? option.parseArg(String(value), previous) : value;
  } catch (error) {
    throw new UsageError(`Cannot use ${from}: it is ${JSON.stringify(value)}. ${(error as Error).message}`);
  }
}

function unknown(name: string, known: readonly string[]): UsageError {
  const advice = nearest(name, known);
  return new UsageError(
    `Cannot use ${FILE}: no option is called ${name}${
      advice ? `. Did you mean ${advice}?` : "; see sluice run --help"
    }`,
  );
}
