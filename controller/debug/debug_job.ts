/** What a debugging process is given, and what it answers. */

import type { EffectResult } from "../../engine/effects.ts";
import type { Feed } from "../../engine/feed.ts";
import type { Fed, RealmOptions, TaskState } from "../sandbox/protocol.ts";
import type { Stop } from "./process_hook.ts";

/** Feeds that follow each other, with all that it takes to run them. */
export interface DebugJob {
  readonly code: string;
  /** Of the code; sources are file URLs. */
  readonly sourceMap: string;
  readonly options: RealmOptions;
  /** The state before the first feed. */
  readonly state: readonly TaskState[];
  readonly feeds: readonly Feed[];
  /** Per feed what its effects were answered. */
  readonly effects: readonly (readonly EffectResult[])[];
  readonly stop: Stop;
  /** How long the debugger may take, once it has said its first word, to say where it wants to stop. */
  readonly settleMs: number;
}

/** What a feed did, in the order of the feeds; at last whether the debugger stopped where it was to. */
export type DebugAnswer =
  | { readonly kind: "fed"; readonly fed: Fed }
  | { readonly kind: "failed"; readonly message: string }
  | { readonly kind: "done"; readonly hasStopped: boolean };
