/** URIs taken apart: scheme, place, and options as query parameters. */

import { resolve } from "node:path";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** A URI taken apart. */
export interface ParsedUri {
  readonly scheme: string;
  readonly path: string;
  readonly options: ReadonlyMap<string, string>;
}

const SCHEMES = [
  "file",
  "kafka",
  "kinesis",
  "redis",
  "rediss",
  "redis+unix",
  "redis-hash",
  "redis-list",
  "redis-channel",
  "stdio",
];

/**
 * Takes `uri` apart; `-` is standard input or output, and what has no scheme is a file.
 *
 * @throws {UsageError} that does not repeat it, when it holds a secret: URIs go into journals and messages
 */
export function parseUri(uri: string, schemes: readonly string[] = SCHEMES): ParsedUri {
  if (uri === "-") return { scheme: "stdio", path: "", options: new Map() };
  const [, scheme = "file", rest] = /^(?:([A-Za-z][A-Za-z0-9+.-]+):)?(.*)$/s.exec(uri)!;
  refuseSecrets(scheme, rest);
  if (!schemes.includes(scheme)) {
    const advice = nearest(scheme, schemes);
    throw new UsageError(
      `Cannot use ${uri}: ${scheme}: is no scheme that Sluice knows; known are ${
        schemes.map((s) => `${s}:`).join(", ")
      }` +
        (advice ? `. Did you mean ${advice}:?` : ""),
    );
  }
  const question = rest.lastIndexOf("?");
  const isQuery = question >= 0 && /^[\w.-]+=/.test(rest.slice(question + 1));
  const path = (isQuery ? rest.slice(0, question) : rest).replace(/^\/\/(?=\/)/, "");
  if (scheme === "file" && path === "") throw new UsageError(`Cannot use ${uri}: it names no file`);
  return { scheme, path, options: new Map(new URLSearchParams(isQuery ? rest.slice(question + 1) : "")) };
}

const SECRET_OPTION = /[?&]([\w.-]*(?:password|passwd|secret|token|credentials))=/i;

function refuseSecrets(scheme: string, rest: string): void {
  const isUserNamed = scheme !== "file" && /^\/\/[^/]*@/.test(rest);
  const [, option] = SECRET_OPTION.exec(rest) ?? [];
  if (!isUserNamed && option === undefined) return;
  const place = scheme.startsWith("redis")
    ? "set REDIS_USERNAME and REDIS_PASSWORD"
    : "set it in the environment or in ?config=FILE (docs/KAFKA.md)";
  const what = option === undefined ? "a password" : `its ${option}`;
  throw new UsageError(`Cannot use this ${scheme} URI: everyone on this machine sees ${what} in it; ${place}`);
}

/** `uri` in a form that means the same from any folder; files are found from `folder`. */
export function absoluteUri(uri: string, folder = "."): string {
  const { scheme, path, options } = parseUri(uri);
  if (scheme !== "file") return withAbsoluteFiles(uri, options, folder);
  const query = new URLSearchParams([...options]).toString();
  const resolved = resolve(folder, path);
  // What ends in a slash is a folder, be it there or not.
  const place = path.endsWith("/") && !resolved.endsWith("/") ? `${resolved}/` : resolved;
  return `file:${place}${query === "" ? "" : `?${query}`}`;
}

/** Options of systems that name files. */
const FILE_OPTIONS: readonly string[] = ["config", "ca"];

function withAbsoluteFiles(uri: string, options: ReadonlyMap<string, string>, folder: string): string {
  if (!FILE_OPTIONS.some((name) => options.has(name))) return uri;
  const query = new URLSearchParams(
    [...options].map(([name, value]) => [name, FILE_OPTIONS.includes(name) ? resolve(folder, value) : value]),
  );
  return `${uri.slice(0, uri.lastIndexOf("?"))}?${query}`;
}

/** @throws {UsageError} when an option is not among `known`; a name that ends in `.` stands for all that begin so */
export function checkOptions(uri: string, options: ReadonlyMap<string, string>, known: readonly string[]): void {
  for (const name of options.keys()) {
    if (known.some((each) => each === name || (each.endsWith(".") && name.startsWith(each)))) continue;
    const advice = nearest(name, known);
    const has = known.length > 0 ? `its options are ${known.join(", ")}` : "it has no options";
    throw new UsageError(`Cannot use ${uri}: ${name} is unknown, ${has}${advice ? `. Did you mean ${advice}?` : ""}`);
  }
}

/** An option that is a whole number above 0. */
export function numberOption(uri: string, options: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) {
    throw new UsageError(`Cannot use ${uri}: ${name} is ${text}, a whole number above 0 is wanted`);
  }
  return value;
}

/** An option that is one of `choices`. */
export function choiceOption<Choice extends string>(
  uri: string,
  options: ReadonlyMap<string, string>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = options.get(name);
  const choice = choices.find((each) => each === text);
  if (choice !== undefined || text === undefined) return choice;
  const advice = nearest(text, choices);
  throw new UsageError(
    `Cannot use ${uri}: ${name} is ${text}, ${choices.join(", ")} are known${
      advice ? `. Did you mean ${advice}?` : ""
    }`,
  );
}

/** An option that is `true` or `false`. */
export function flagOption(uri: string, options: ReadonlyMap<string, string>, name: string): boolean {
  return choiceOption(uri, options, name, ["true", "false"]) === "true";
}
