/** What passes is waited for: leaders that move, brokers that restart, connections that are cut. */

import type { Cluster } from "./protocol/cluster.ts";
import { isPassing } from "./protocol/kafka_error.ts";

const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 5_000;

/** Pauses before another attempt, longer each time, and forgets what was known of leaders and coordinators. */
export class Patience {
  readonly #cluster: Cluster;
  readonly #timeMsMax: number;
  #pauseMs = PAUSE_MS_FIRST;
  #deadlineMs: number | undefined;

  constructor(cluster: Cluster, timeMsMax: number) {
    this.#cluster = cluster;
    this.#timeMsMax = timeMsMax;
  }

  /** Something worked: the time begins anew with the next error. */
  restore(): void {
    this.#pauseMs = PAUSE_MS_FIRST;
    this.#deadlineMs = undefined;
  }

  /** Waits after `error`; throws it when it does not pass, or the time is up. */
  async endure(error: unknown): Promise<void> {
    this.#deadlineMs ??= performance.now() + this.#timeMsMax;
    if (!isPassing(error) || performance.now() > this.#deadlineMs) throw error;
    await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS_MAX);
    await this.#cluster.refresh().catch(() => {});
  }
}

/** Attempts until it works, for as long as errors pass, for `timeMsMax` at most. */
export async function patiently<T>(cluster: Cluster, timeMsMax: number, attempt: () => Promise<T>): Promise<T> {
  for (const patience = new Patience(cluster, timeMsMax);;) {
    try {
      return await attempt();
    } catch (error) {
      await patience.endure(error);
    }
  }
}
