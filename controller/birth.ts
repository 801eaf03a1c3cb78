/** Where a realm was born: a replay can start there, and nowhere in between when modules keep state in variables. */

import type { TaskJournal } from "./journal/journal.ts";

/** The last birth at or before feed `seq`, among the feeds that are left. */
export function birthBefore(taskJournal: TaskJournal, seq: number): number {
  const first = taskJournal.firstReplayable();
  for (let birth = seq; birth > first; birth--) {
    const [entry] = taskJournal.feeds(birth, birth + 1);
    if (entry?.isReborn) return birth;
  }
  return first;
}
