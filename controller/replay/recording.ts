/** A run that was recorded, with all that it takes to run its feeds again. */

import type { Source } from "../../adapters/source.ts";
import type { Journal, Run, TaskJournal } from "../journal/journal.ts";
import type { Limits } from "../limits.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

/** The sources of a run, for inputs that the journal does not hold; opened when they are asked for. */
export interface SourcesAtHand {
  /** The source of `input`, where there is one. */
  get(input: string): Source | undefined | Promise<Source | undefined>;
}

/** One task of a recorded run. */
export interface Recording {
  readonly journal: Journal;
  readonly run: Run;
  readonly taskJournal: TaskJournal;
  readonly sources: SourcesAtHand;
  /** A sandbox; another one when the last died. */
  readonly sandbox: () => Sandbox;
  readonly limits: Limits;
}
