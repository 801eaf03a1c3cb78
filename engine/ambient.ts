/** What the globals of a realm (`Date`, `Math.random`, `console`, …) answer from while a record is processed. */

import { Random } from "./random.ts";

/** How serious a log line is. */
export type LogLevel = "debug" | "info" | "warn" | "error";

/**
 * Shared by the engine, which sets it before each record, and the kernel of the realm, whose globals read it.
 *
 * While it is not active no record is being processed: clock and chance then throw instead of answering.
 */
export interface Ambient {
  isActive: boolean;
  nowMs: number;
  /** The generator behind `Math.random` and `crypto`. */
  random: () => Random;
  log: (level: LogLevel, text: string) => void;
  /** Turns an error into one that says more, before it is reported. */
  explain: (error: unknown) => unknown;
}

/** An ambient that is not active and that nothing reads yet. */
export function idleAmbient(): Ambient {
  return { isActive: false, nowMs: 0, random: () => new Random(), log: () => {}, explain: (error) => error };
}
