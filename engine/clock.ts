/**
 * Logical time. Time comes from the feed (I6): per record, never per batch, and it never moves back.
 */

import { UNREADABLE_TIME } from "./batch.ts";

/**
 * Where logical time comes from: `feed` takes the time that was journaled with the record's segment, `event` the
 * highest event time so far, which makes outputs a function of the inputs alone.
 */
export type ClockPolicy = "feed" | "event";

/** The logical clock of one task. */
export class LogicalClock {
  readonly #policy: ClockPolicy;
  /** For all to read, and for the clock to write. */
  nowMs: number;

  constructor(policy: ClockPolicy, lastMs: number) {
    this.#policy = policy;
    this.nowMs = lastMs;
  }

  /** The time of a record whose segment was sealed at `sealedMs`. */
  preview(sealedMs: number, eventTimeMs: number): number {
    const candidateMs = this.#policy === "feed" ? sealedMs : eventTimeMs;
    // A time that could not be read fails its record, and says nothing of those behind it.
    return candidateMs > this.nowMs && candidateMs !== UNREADABLE_TIME ? candidateMs : this.nowMs;
  }

  /**
   * Up to when timers are due once the feed has no more records.
   *
   * The end of the inputs is the end of event time, so all timers fire; real time goes on, so those of `feed` stay set.
   */
  horizon({ tickMs, end }: { tickMs: number | undefined; end: boolean | undefined }): number {
    if (this.#policy === "event") return end ? Infinity : -Infinity;
    return tickMs ?? -Infinity;
  }

  /** Moves on without a record: a tick means nothing to a clock that only knows event time. */
  tick(tickMs: number): void {
    if (this.#policy === "feed") this.jump(tickMs);
  }

  /** Moves on to `toMs`, never back. */
  jump(toMs: number): void {
    if (toMs > this.nowMs) this.nowMs = toMs;
  }
}
