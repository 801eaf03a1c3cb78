/** Options that several commands have. */

import { InvalidArgumentError, Option } from "commander";

/** Where runs are journaled unless told otherwise. */
export const DEFAULT_JOURNAL = ".sluice/journal.db";

/** `--json`. */
export function jsonOption(): Option {
  return new Option("--json", "print JSON").default(false);
}

/** `--journal`. */
export function journalOption(): Option {
  return new Option("--journal <file>", "journal of the run").default(DEFAULT_JOURNAL);
}

/** `--set`. */
export function setOption(): Option {
  return repeatable("--set <name=value>", "parameter of the processor; repeat");
}

/** An option that collects its values; what is typed replaces what was set elsewhere. */
export function repeatable(flags: string, description: string): Option {
  const option = new Option(flags, description).default([], "none");
  return option.argParser<readonly string[]>((value, previous) =>
    previous === option.defaultValue ? [value] : [...previous, value]
  );
}

/** Parses a number from 0 on. */
export function notNegative(text: string): number {
  return text === "0" ? 0 : positive(text);
}

/** Parses a number above 0. */
export function positive(text: string): number {
  const value = Number(text);
  if (!Number.isFinite(value) || value <= 0) throw new InvalidArgumentError("A number above 0 is wanted.");
  return value;
}
