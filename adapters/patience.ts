/** What passes is waited for: leaders that move, servers that restart, connections that are cut. */

const PAUSE_MS_FIRST = 50;
const PAUSE_MS_MAX = 5_000;

/** What somebody who waits needs to know. */
export interface PatienceOptions {
  /** For how long to try, counted from the first error. */
  readonly timeMsMax: number;
  /** Whether an error may be gone at the next attempt. */
  readonly isPassing: (error: unknown) => boolean;
  /** Makes the next attempt see what is new, such as another leader. */
  readonly refresh?: () => Promise<unknown>;
}

/** Pauses before another attempt, longer each time. */
export class Patience {
  readonly #options: PatienceOptions;
  #pauseMs = PAUSE_MS_FIRST;
  #deadlineMs: number | undefined;

  constructor(options: PatienceOptions) {
    this.#options = options;
  }

  /** Something worked: the time begins anew with the next error. */
  restore(): void {
    this.#pauseMs = PAUSE_MS_FIRST;
    this.#deadlineMs = undefined;
  }

  /** Waits after `error`; throws it when it does not pass, or the time is up. */
  async endure(error: unknown): Promise<void> {
    const { timeMsMax, isPassing, refresh } = this.#options;
    this.#deadlineMs ??= performance.now() + timeMsMax;
    if (!isPassing(error) || performance.now() > this.#deadlineMs) throw error;
    await new Promise((resolve) => setTimeout(resolve, this.#pauseMs));
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
