/**
 * What controller and sandbox say to each other: one protocol for Web Workers and child processes.
 *
 * Every request has an id and gets exactly one reply with that id; `progress` comes in between and settles nothing. A
 * feed that asks for effects is answered by `effects`, and goes on with the request of that name.
 */

import type { EffectRequest, EffectResult } from "../../engine/effects.ts";
import type { EngineOptions } from "../../engine/engine.ts";
import type { Failure } from "../../engine/failure.ts";
import type { PackedFeed } from "../../engine/feed.ts";
import type { PackedOutputs } from "../../engine/output.ts";
import type { LogLine, UnitColumns, UnitReads } from "../../engine/report.ts";
import type { CopyPart, StateEntries } from "../../engine/state.ts";
import type { TraceColumns } from "../../engine/trace.ts";
import type { ProcessorInfo } from "./realm/guest.ts";

/** What a realm is made from. */
export interface RealmOptions extends EngineOptions {
  /** What modules see as the time while they are evaluated. */
  readonly initialTimeMs: number;
  readonly recordTimeMsMax: number;
}

/** State and timers of a task, or the part of them that changed. */
export interface TaskState {
  readonly state: StateEntries;
  readonly timers: StateEntries;
}

/** What the controller asks; `task` is a name that no other task in the sandbox has, of this run or of another. */
export type Request =
  | { readonly kind: "describe"; readonly code: string }
  | { readonly kind: "open"; readonly task: string; readonly code: string; readonly options: RealmOptions }
  | ({ readonly kind: "restore"; readonly task: string } & TaskState)
  | { readonly kind: "feed"; readonly task: string; readonly feed: PackedFeed }
  | { readonly kind: "effects"; readonly task: string; readonly results: readonly EffectResult[] }
  | { readonly kind: "rebirth"; readonly task: string }
  | { readonly kind: "copy"; readonly task: string; readonly part: CopyPart }
  | { readonly kind: "close"; readonly task: string }
  /** The same at once, for a task that waits for effects which will not come. */
  | { readonly kind: "drop"; readonly task: string };

/** What a task that waits for effects does not wait to hear. */
export function endsWaiting(request: Request): request is Extract<Request, { readonly kind: "effects" | "drop" }> {
  return request.kind === "effects" || request.kind === "drop";
}

/** What a feed did. */
export interface Fed {
  /** Records processed; fewer than the feed holds when it halted. */
  readonly records: number;
  readonly isHalted: boolean;
  readonly nowMs: number;
  readonly nextTimerMs: number | undefined;
  readonly isStarted: boolean;
  readonly outputs: PackedOutputs;
  readonly changes: StateEntries;
  readonly timerChanges: StateEntries;
  readonly failures: readonly Failure[];
  readonly logs: readonly LogLine[];
  readonly logsDropped: number;
  /** See `EngineOptions.notesReads`; absent in what older bundles answer. */
  readonly reads?: readonly UnitReads[];
  /** What every unit did. */
  readonly units: UnitColumns;
  readonly trace: TraceColumns;
}

/** What the sandbox answers. */
export type Reply =
  | { readonly kind: "described"; readonly info: ProcessorInfo }
  | { readonly kind: "done" }
  /** Records are being processed: the sandbox is alive. */
  | { readonly kind: "progress" }
  | { readonly kind: "fed"; readonly fed: Fed }
  | { readonly kind: "effects"; readonly requests: readonly EffectRequest[] }
  | ({ readonly kind: "copied" } & TaskState)
  /** The time limit ended `record`; the realm is gone. */
  | { readonly kind: "timeout"; readonly record: number; readonly timeMsMax: number }
  /** The realm is gone or never was. */
  | {
    readonly kind: "broken";
    readonly code: string;
    readonly message: string;
    readonly record?: number;
    /** Of what the processor's modules threw; its positions are those of the bundle. */
    readonly stack?: string;
  };

/** What became of a request of which nothing was done when its sandbox died. */
export const SANDBOX_LOST = "E_SANDBOX_LOST";
/** Why a task's request is not answered after an earlier one has broken its realm. */
export const CELL_GONE = "E_CELL_GONE";

/** A message with the id that pairs request and reply. */
export interface Envelope<Message> {
  readonly id: number;
  readonly message: Message;
}

/** The buffers in `reply` that move instead of being copied. */
export function replyBuffers(reply: Reply): ArrayBuffer[] {
  if (reply.kind !== "fed") return [];
  const { outputs, units, trace } = reply.fed;
  const columns: readonly { readonly buffer: ArrayBuffer }[] = [
    outputs.values,
    outputs.keys,
    outputs.valueLengths,
    outputs.keyLengths,
    outputs.timesMs,
    outputs.names,
    ...(outputs.extras ? Object.values(outputs.extras) : []),
    units.records,
    units.outputEnds,
    units.traceEnds,
    trace.kinds,
    trace.subjectLengths,
    trace.detailLengths,
    ...(trace.numbers ? [trace.numbers] : []),
  ];
  return columns.map(({ buffer }) => buffer);
}
