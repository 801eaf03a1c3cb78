/** What a simulated server runs on: a world, or this machine. */

import type { Machine } from "./world/world.ts";

/** See the module. */
export interface Host {
  after(delayMs: number, what: string, act: () => void): void;
  /** The right time, in milliseconds since the epoch. */
  nowMs(): number;
  /** In `[0, 1)`. */
  number(): number;
}

/** A server on `machine`. */
export function hostOn(machine: Machine): Host {
  const { world } = machine;
  return {
    after: (delayMs, what, act) => void world.schedule(machine, delayMs, what, act),
    nowMs: () => Math.floor(world.epochMs + world.nowMs),
    number: () => world.chance.number(),
  };
}
