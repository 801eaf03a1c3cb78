/**
 * How long records wait for others to share their feed: fewer, larger commits for some milliseconds of latency.
 *
 * Only after a small feed: while there is a backlog, feeds are large by themselves and nothing waits.
 */

import type { SealedFeed } from "./sealer.ts";

/** A feed of so many bytes is no small one. */
const SMALL_BYTES_MAX = 256 * 1024;

/** See the module. */
export class Linger {
  readonly #timeMs: number;
  readonly #smallRecordsMax: number;
  #untilMs = 0;

  /** @param feedRecordsMax what a feed may hold at most: half of it is no small one */
  constructor(timeMs: number, feedRecordsMax: number) {
    this.#timeMs = timeMs;
    this.#smallRecordsMax = feedRecordsMax / 2;
  }

  /** Notes that `feed` was sealed at `nowMs`. */
  sealed({ batches }: SealedFeed, nowMs: number): void {
    const records = batches.reduce((sum, { count }) => sum + count, 0);
    const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
    const isSmall = records < this.#smallRecordsMax && bytes < SMALL_BYTES_MAX;
    this.#untilMs = isSmall ? nowMs + this.#timeMs : 0;
  }

  /** How long the next feed is to wait; 0 when it need not. */
  leftMs(nowMs: number): number {
    return Math.max(0, this.#untilMs - nowMs);
  }
}
