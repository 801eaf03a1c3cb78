/** What an executable was compiled with, and what it does when it is called without a command. */

import { isExecutable } from "../controller/own_program.ts";
import { addPrebuilt, type Prebuilt } from "../controller/sandbox/prebuilt.ts";
import { UsageError } from "./usage_error.ts";

/** See the module. */
export interface ExecutableContents {
  /** How it is called in help texts. */
  readonly name: string;
  readonly processors: readonly Prebuilt[];
  /** The texts of pipeline files, by the paths that they were compiled from. */
  readonly files: Readonly<Record<string, string>>;
  /** The processors or pipeline files that were named, in order. */
  readonly targets: readonly string[];
}

let contents: ExecutableContents | undefined;

/** To be called once, before the command line is looked at. */
export function setContents(compiled: ExecutableContents): void {
  contents = compiled;
  addPrebuilt(compiled.processors);
}

/** The text of a file that was compiled in. */
export function embeddedText(path: string): string | undefined {
  return contents?.files[path];
}

/** @throws {UsageError} in an executable: `act` is Deno's own work */
export function refuseInExecutable(act: string): void {
  if (isExecutable()) throw new UsageError(`Cannot ${act}: an executable has no Deno in it; do it where Deno is`);
}

/** How the program calls itself. */
export function programName(): string {
  return contents?.name ?? "sluice";
}

/** `args` as they are meant: an application of one processor runs it, unless it is told a command. */
export function commandLine(args: readonly string[], commands: readonly string[]): readonly string[] {
  const [target, ...others] = contents?.targets ?? [];
  const isCommand = args[0] !== undefined &&
    (commands.includes(args[0]) || ["--help", "-h", "--version", "-V"].includes(args[0]));
  return target === undefined || others.length > 0 || isCommand ? args : ["run", target, ...args];
}
