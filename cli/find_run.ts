/** The run that a user named. */

import type { Journal, Run } from "../controller/journal/journal.ts";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** The run `name` in `journal`. */
export function findRun(journal: Journal, name: string): Run {
  const run = journal.run(name);
  if (run) return run;
  const names = journal.runs().map((known) => known.name);
  const advice = nearest(name, names);
  const has = names.length === 0 ? "it has no runs" : `its runs are ${names.slice(0, 20).join(", ")}`;
  throw new UsageError(
    `Cannot find run ${name} in ${journal.path}: ${has}${advice ? `. Did you mean ${advice}?` : ""}`,
  );
}
