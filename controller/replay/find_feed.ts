/** From a record to the feed that it was processed in. */

import type { Origin } from "../../engine/record.ts";
import { type FeedEntry, JournalError } from "../journal/journal.ts";
import type { Recording } from "./recording.ts";

/**
 * The last feed of the task that covered the record at `origin`.
 *
 * @throws {JournalError} when there is none
 */
export function feedWith({ taskJournal }: Recording, { stream, partition, offset }: Origin): FeedEntry {
  const covers = ({ ranges }: FeedEntry) =>
    ranges.some((range) =>
      range.stream === stream && range.partition === partition && range.from <= offset && offset < range.to
    );
  const last = taskJournal.lastFeed()?.seq ?? -1;
  for (let end = last + 1; end > 0; end -= FEEDS_AT_ONCE) {
    const from = Math.max(0, end - FEEDS_AT_ONCE);
    const found = [...taskJournal.feeds(from, end)].findLast(covers);
    if (found) return found;
  }
  throw new JournalError(
    `Cannot find the feed of ${stream}/${partition}@${offset}: task ${taskJournal.task.name} has feeds ` +
      `${taskJournal.firstReplayable()} to ${last}, and none of them covers it`,
    { code: "E_RECORD_UNKNOWN" },
  );
}

const FEEDS_AT_ONCE = 1000;

/** The feed `seq`. @throws {JournalError} when the journal does not have it */
export function feedAt({ taskJournal }: Recording, seq: number): FeedEntry {
  const [entry] = taskJournal.feeds(seq, seq + 1);
  if (entry?.seq === seq) return entry;
  const last = taskJournal.lastFeed()?.seq;
  const has = last === undefined ? "it has none yet" : `it has feeds ${taskJournal.firstReplayable()} to ${last}`;
  throw new JournalError(`Cannot find feed ${seq} of task ${taskJournal.task.name}: ${has}`, {
    code: "E_FEED_UNKNOWN",
  });
}
