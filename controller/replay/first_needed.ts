/** Where to begin, so that feeds do what they did. */

import { RecordedRealm } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";
import { isSameUnits } from "./rerun.ts";
import { walk } from "./walk.ts";

/**
 * The first of the feeds `[from, to)`, unless they need what modules kept in variables since an earlier one: then the one
 * before which their realm was born.
 *
 * @throws {InputsChanged} when their inputs cannot be had any more
 */
export async function firstNeeded(recording: Recording, from: number, to: number): Promise<number> {
  const { taskJournal } = recording;
  const realm = new RecordedRealm(recording, { role: "try" });
  try {
    for await (const walked of walk(realm, taskJournal.feeds(from, to))) {
      if (walked.kind !== "ran") throw walked.error;
      if (!isSameUnits(recording, walked)) return taskJournal.birthBefore(from);
    }
    return from;
  } finally {
    await realm.close();
  }
}
