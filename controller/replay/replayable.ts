/** Which feeds can still be replayed, when a source does not have the inputs of all of them any more. */

import type { FeedEntry } from "../journal/journal.ts";
import type { Recording } from "./recording.ts";

/** In words. What a source drops it drops from the beginning on. */
export async function replayableText({ taskJournal, sources }: Recording): Promise<string> {
  const end = (taskJournal.lastFeed()?.seq ?? -1) + 1;
  let [low, high] = [taskJournal.firstReplayable(), end];
  while (low < high) {
    const middle = (low + high) >> 1;
    const [entry] = taskJournal.feeds(middle, middle + 1);
    if (await isAtHand(entry)) high = middle;
    else low = middle + 1;
  }
  if (low === end) return "no feed of the task can be replayed without them; --capture all keeps inputs";
  return `feeds ${low} to ${end - 1} can be replayed (--feeds ${low}..); --capture all keeps inputs`;

  async function isAtHand(entry: FeedEntry): Promise<boolean> {
    if (entry.records === 0 || taskJournal.captured(entry.seq)) return true;
    for (const range of entry.ranges) {
      const source = await sources.get(range.input);
      const result = await source?.read(range, range.from, { recordsMax: 1, bytesMax: 1 }).catch(() => undefined);
      if (result === undefined || result.kind === "gap" || result.kind === "ended") return false;
    }
    return true;
  }
}
