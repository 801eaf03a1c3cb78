/** Real time. The controller is the only reader; everything else gets time from a feed. */

/** A clock. */
export interface Clock {
  /** Milliseconds since the epoch. */
  nowMs(): number;
}

/** The clock of this machine. */
export const systemClock: Clock = { nowMs: () => Date.now() };
