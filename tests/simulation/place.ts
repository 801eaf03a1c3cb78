/** A system of a world, as a simulation uses it: its adapter's ends for Sluice, and the truth about what it holds. */

import type { Sink } from "../../adapters/sink.ts";
import type { Source } from "../../adapters/source.ts";

/** An output as an ordinary reader sees it. */
export interface SeenOutput {
  readonly key: string;
  readonly value: string;
}

/** See the module. */
export interface Place {
  /** Writes the scenario's input, a piece each time it is asked to: the same pieces, whatever happens in between. */
  write(): Iterator<void>;
  /** Opens the input, which ends where it ends now, or goes on; called as the machine that reads it. */
  openSource(isBounded: boolean): Promise<Source>;
  /** Opens a sink for the processor's output of that name. `owner` tells the machine from every other. */
  openSink(owner: string, output: string): Promise<Sink>;
  /** What is there for readers now, in order of writing per key. */
  outputs(): readonly SeenOutput[];
  /** Whether readers see all that was promised to them: what was committed may take a moment to be shown. */
  isSettled(): boolean;
  /** Whether a run may have to stop for good, and say so, because its whole checkpoint is lost. */
  hasLostAll(): boolean;
  /** When it lost last what it had acknowledged; absent when it never did. */
  readonly lostAtMs?: number;
  /** Retention takes the oldest part of the input away. */
  trim(): void;
  /** Something happens to one of its servers. */
  disturb(): void;
  /** Whatever happened to its servers is over. */
  restore(): void;
}
