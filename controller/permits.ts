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

/** See the module. Whoever waits is handed them: a task with a backlog, back for more at once, would pass all others. */
export class Permits {
  #left: number;
  readonly #waiting: (() => void)[] = [];

  /** @param feeds so many full ones at once */
  constructor(feeds: number) {
    this.#left = FULL * feeds;
  }

  /** Takes what a full feed needs if so much is left, and nobody waits for it. */
  tryTake(): boolean {
    if (this.#left < FULL || this.#waiting.length > 0) return false;
    this.#left -= FULL;
    return true;
  }

  /** Takes what a full feed needs, in the order of asking; false when `stop` aborted before. */
  async take(stop: AbortSignal): Promise<boolean> {
    if (stop.aborted) return false;
    if (this.tryTake()) return true;
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const onTurn = (): void => {
      stop.removeEventListener("abort", onStop);
      resolve(true);
    };
    const onStop = (): void => {
      this.#waiting.splice(this.#waiting.indexOf(onTurn), 1);
      resolve(false);
    };
    this.#waiting.push(onTurn);
    stop.addEventListener("abort", onStop, { once: true });
    return await promise;
  }

  /** Gives `count` back. */
  give(count: number): void {
    this.#left += count;
    for (; this.#left >= FULL && this.#waiting.length > 0; this.#left -= FULL) this.#waiting.shift()!();
  }
}
