/** What passes is waited for: leaders that move, servers that restart, connections that are cut. */

import { until } from "./until.ts";

const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 5_000;
/** What passes within this time is not worth a word. */
const QUIET_MS = 3_000;
/** Many wait in the same outage: it is told of once in this time. */
const TOLD_MS = 60_000;

/** What somebody who waits needs to know. */
export interface PatienceOptions {
  /** For how long to try, counted from the first error. */
  readonly timeMsMax: number;
  /** Whether an error may be gone at the next attempt. */
  readonly isPassing: (error: unknown) => boolean;
  /** Makes the next attempt see what is new, such as another leader. */
  readonly refresh?: () => Promise<unknown>;
  /** Told once of errors that last. */
  readonly onOutage?: ((error: unknown) => void) | undefined;
  /** Aborts when nobody wants to wait any more: then the next error is thrown. */
  readonly leave?: AbortSignal | undefined;
}

/** Says of `what` that it cannot be read for now, however many wait for it; undefined when nobody listens. */
export function outageNotice(
  what: string,
  onNotice: ((text: string) => void) | undefined,
): PatienceOptions["onOutage"] {
  let toldMs = -Infinity;
  return onNotice && ((error) => {
    if (performance.now() - toldMs < TOLD_MS) return;
    toldMs = performance.now();
    onNotice(`${what} cannot be read for now, and is tried again: ${(error as Error).message}`);
  });
}

/** Pauses before another attempt, longer each time. */
export class Patience {
  readonly #options: PatienceOptions;
  #pauseMs = PAUSE_MS_FIRST;
  #beganMs: number | undefined;
  #isTold = false;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Something worked: the time begins anew with the next error. */
  restore(): void {
    this.#pauseMs = PAUSE_MS_FIRST;
    this.#beganMs = undefined;
    this.#isTold = false;
  }

  /** Waits after `error`; throws it when it does not pass, or the time is up. */
  async endure(error: unknown): Promise<void> {
    const { timeMsMax, isPassing, refresh, onOutage, leave } = this.#options;
    const lastedMs = performance.now() - (this.#beganMs ??= performance.now());
    if (!isPassing(error) || lastedMs > timeMsMax || leave?.aborted) throw error;
    if (lastedMs > QUIET_MS && !this.#isTold) {
      this.#isTold = true;
      onOutage?.(error);
    }
    const paused = new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
    await (leave ? until(paused, leave) : paused);
    this.#pauseMs = Math.min(2 * this.#pauseMs, PAUSE_MS_MAX);
    await refresh?.().catch(() => {});
  }
}

/** Attempts until it works, for as long as errors pass. */
export async function patiently<T>(options: PatienceOptions, attempt: () => Promise<T>): Promise<T> {
  for (const patience = new Patience(options);;) {
    try {
      return await attempt();
    } catch (error) {
      await patience.endure(error);
    }
  }
}
