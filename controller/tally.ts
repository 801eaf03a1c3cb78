/** How much a task has done since its owner took it over: what all its sinks have counts, nothing that is on its way. */

import type { FeedEntry } from "./journal/journal.ts";

/** See the module. */
export interface Tally {
  /** Feeds committed. */
  readonly feeds: number;
  /** Records processed in them. */
  readonly records: number;
  /** Outputs committed. */
  readonly outputs: number;
  /** Records put aside. */
  readonly deadLetters: number;
  /** Records, timers and hooks that failed and were passed over. */
  readonly skipped: number;
}

type Counted = Pick<FeedEntry, "records" | "outputs" | "failures" | "letters">;

/** A tally that grows. */
export class RunningTally {
  #tally: Tally = { feeds: 0, records: 0, outputs: 0, deadLetters: 0, skipped: 0 };

  /** What it has come to. */
  get total(): Tally {
    return this.#tally;
  }

  /** Counts a feed, once. */
  count({ records, outputs, failures, letters }: Counted): void {
    const before = this.#tally;
    this.#tally = {
      feeds: before.feeds + 1,
      records: before.records + records,
      outputs: before.outputs + outputs,
      deadLetters: before.deadLetters + letters,
      skipped: before.skipped + failures - letters,
    };
  }
}
