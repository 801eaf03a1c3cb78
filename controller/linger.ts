/**
 * How long records wait for others to share their feed: fewer, larger commits for some milliseconds of latency.
 *
 * Only after a small feed: while there is a backlog, feeds are large by themselves and nothing waits. It counts by a clock
 * that always goes on: one that is set back, or logical time, which then stands still, would make records wait as long.
 */

import type { SealedFeed } from "./sealer.ts";
import { isSmall } from "./small_feed.ts";

/** See the module. */
export class Linger {
  readonly #timeMs: number;
  readonly #feedRecordsMax: number;
  #untilMs = 0;

  /** @param feedRecordsMax what a feed may hold at most */
  constructor(timeMs: number, feedRecordsMax: number) {
    this.#timeMs = timeMs;
    this.#feedRecordsMax = feedRecordsMax;
  }

  /** Notes that `feed` was sealed. */
  sealed(feed: SealedFeed): void {
    this.#untilMs = isSmall(feed, this.#feedRecordsMax) ? performance.now() + this.#timeMs : 0;
  }

  /** How long the next feed is to wait; 0 when it need not. */
  get leftMs(): number {
    return Math.max(0, this.#untilMs - performance.now());
  }
}
