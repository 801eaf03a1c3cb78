/** A difference between a recording and its replay: where, what, and why. */

import type { Origin } from "../../engine/record.ts";
import type { FeedEntry } from "../journal/journal.ts";
import { originAt } from "../feed_record.ts";
import type { Difference } from "./difference.ts";
import type { UnitView } from "./fed_view.ts";
import type { RanFeed } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";

/** Why a replay differs. */
export type Cause = "input" | "code" | "environment" | "config" | "effect" | "nondeterminism";

/** A cause, and what it was concluded from in one sentence. */
export interface Explanation {
  /** Why it differs. */
  readonly cause: Cause;
  /** What that was concluded from, in one sentence. */
  readonly because: string;
}

/** See the module. Its own fields are those of the first difference. */
export interface Divergence extends Difference, Explanation {
  /** The name of the task. */
  readonly task: string;
  /** The feed, counted from 0 within the task. */
  readonly feed: number;
  /** Absent for timers and hooks. */
  readonly record: Origin | undefined;
  /** The key of the timer, when it was one. */
  readonly timer?: string;
  /** The name of the input that the record came from. */
  readonly input?: string;
  /** What else differs in the same record. */
  readonly others: readonly Difference[];
}

/** Where something happened within a feed. */
export type Place = Pick<Divergence, "task" | "feed" | "record" | "timer" | "input">;

/** A feed, and where it stands in its task. */
export interface PlacedFeed extends Pick<RanFeed, "feed"> {
  readonly entry: Pick<FeedEntry, "seq">;
}

/** The place of `record` (counted from 0 in the feed; -1 for timers and hooks), which did `view`. */
export function placeOf(recording: Recording, { entry, feed }: PlacedFeed, record: number, view?: UnitView): Place {
  const origin = originAt(feed, record);
  const timer = view?.trace.find(({ kind }) => kind === "timer fired")?.subject;
  return { ...placeInTask(recording, entry, origin), ...(timer === undefined || origin ? {} : { timer }) };
}

/** The place of a record in its task. */
export function placeInTask(
  { taskJournal: { task } }: Recording,
  { seq }: PlacedFeed["entry"],
  record: Origin | undefined,
): Place {
  const partition = record &&
    task.partitions.find((each) => each.stream === record.stream && each.partition === record.partition);
  return { task: task.name, feed: seq, record, ...(partition ? { input: partition.input } : {}) };
}
