/**
 * How much all tasks of a run have under way together (I8): from sealing to commit, each feed holds permits for what is in it.
 *
 * Before a feed is sealed nobody knows its size: it takes those of a full one, and gives back what it turns out not to need.
 */

import { DEFAULT_LIMITS } from "./limits.ts";
import type { SealedFeed } from "./sealer.ts";

/** What a full feed needs. */
export const FULL = 100;
/** What every feed needs: it costs something, however little it holds. */
const SMALL = FULL / 4;

/** What `feed` needs: as much as it holds of what feeds hold unless told otherwise, which is what costs memory. */
export function permitsFor({ batches }: SealedFeed): number {
  const records = batches.reduce((sum, { count }) => sum + count, 0);
  const bytes = batches.reduce((sum, batch) => sum + batch.bytes.length, 0);
  const held = Math.max(records / DEFAULT_LIMITS.feedRecordsMax, bytes / DEFAULT_LIMITS.feedBytesMax);
  return Math.min(FULL, Math.max(SMALL, Math.ceil(FULL * held)));
}

/** See the module. */
export class Permits {
  #left: number;
  readonly #waiting: (() => void)[] = [];

  /** @param feeds so many full ones at once */
  constructor(feeds: number) {
    this.#left = FULL * feeds;
  }

  /** Takes what a full feed needs if so much is left. */
  tryTake(): boolean {
    if (this.#left < FULL) return false;
    this.#left -= FULL;
    return true;
  }

  /** Gives `count` back. Who ends does so even with nothing: it may have been woken, and somebody else waits behind it. */
  give(count: number): void {
    this.#left += count;
    for (let free = this.#left; free >= FULL && this.#waiting.length > 0; free -= FULL) this.#waiting.shift()!();
  }

  /** Resolves when what a full feed needs may be left, or `stop` aborts; in the order of asking. */
  async freed(stop: AbortSignal): Promise<void> {
    if (this.#left >= FULL || stop.aborted) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const wake = (): void => resolve();
    this.#waiting.push(wake);
    stop.addEventListener("abort", wake);
    await promise;
    stop.removeEventListener("abort", wake);
    // Who is woken by the end of the run must not hold the place of somebody else.
    const at = this.#waiting.indexOf(wake);
    if (at >= 0) this.#waiting.splice(at, 1);
  }
}
