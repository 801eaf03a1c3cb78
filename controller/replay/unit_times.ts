/**
 * The logical time of each unit of a feed, found once more as the engine found it: where time is that of events, no
 * journal has it per record, and a timer fires in the midst of a feed.
 */

import { LogicalClock } from "../../engine/clock.ts";
import type { Feed } from "../../engine/feed.ts";
import type { FedView } from "./fed_view.ts";
import type { RanFeed } from "./recorded_realm.ts";
import type { Recording } from "./recording.ts";

/** Milliseconds since the epoch per unit of `ran`; `view` is of the same feed. */
export function unitTimes({ taskJournal, run }: Recording, { entry, feed }: RanFeed, view: FedView): Float64Array {
  const [before] = taskJournal.feeds(entry.seq - 1, entry.seq);
  const clock = new LogicalClock(run.clock, before?.nowMs ?? 0);
  const records = recordTimes(feed, clock);
  return Float64Array.from(view.records, (record, unit) => {
    if (record >= 0) clock.jump(records[record]);
    else moveToOther(clock, feed, { firedMs: firedAt(view, unit), nextMs: records[view.record(unit + 1)] });
    return clock.nowMs;
  });
}

/** A unit that is no record: a timer, `onStart` right before the first record, or what follows the last one. */
interface Other {
  readonly firedMs: number | undefined;
  readonly nextMs: number | undefined;
}

function moveToOther(clock: LogicalClock, { tickMs }: Feed, { firedMs, nextMs }: Other): void {
  if (firedMs !== undefined) clock.jump(firedMs);
  else if (nextMs !== undefined) clock.jump(nextMs);
  else if (tickMs !== undefined) clock.tick(tickMs);
}

function firedAt(view: FedView, unit: number): number | undefined {
  const fired = view.unit(unit).trace.find(({ kind }) => kind === "timer fired");
  return fired && Number(fired.detail);
}

/** What `clock` takes the records' times for; it does not move. */
function recordTimes({ batches, segments }: Feed, clock: LogicalClock): readonly number[] {
  return segments.flatMap(({ batch, fromRow, toRow, timeMs }) => {
    const { eventTimesMs } = batches[batch];
    return Array.from({ length: toRow - fromRow }, (_, i) => clock.preview(timeMs, eventTimesMs?.[fromRow + i] ?? NaN));
  });
}
