/** `aggregateWindows`: divides the elements of each key into windows and says what each amounts to. */

import { type Aggregated, type AggregateSpec, combine } from "../aggregates/combined.ts";
import type { Operator, Stage } from "../pipeline/operator.ts";
import { AlignedStage } from "./aligned_stage.ts";
import { CountStage } from "./count_stage.ts";
import type { EmitPolicy, WindowParts } from "./emission.ts";
import { SessionStage } from "./session_stage.ts";
import { SlidingStage } from "./sliding_stage.ts";
import type { Results, WindowResult } from "./window_result.ts";
import type { Windows } from "./windows.ts";

/** When results are given. */
export interface AggregateOptions {
  /** When the window closes, at every element besides, or at every so many of a key. @default {"close"} */
  readonly emit?: EmitPolicy;
  /** With early results: take back each before the next one, so that sums over results stay right. @default {false} */
  readonly retract?: boolean;
}

/** The side stream of windows: what comes when all its windows are closed. */
export type Windowed<T> = {
  /** Elements that were too late. */
  readonly late: T;
};

/**
 * One result per window and key, in order of window end and key.
 *
 * - Bound: as the windows say (`tumbling`, `hopping`, …), times what the aggregates keep.
 * - Order: results do not depend on the order of elements within the lateness, but for `first`, `last`, `topN` and
 *   `collect` among elements of equal time, and for windows by count and change.
 * - An element belongs to a window when `start <= time < end`. It is late when all its windows are closed; then it goes to
 *   `late`, and where nobody takes it, its record fails.
 * - The time of a result is the last millisecond of its window, of a session its end with the pause.
 */
export function aggregateWindows<T, Spec extends AggregateSpec<T>>(
  windows: Windows<T>,
  aggregates: Spec & AggregateSpec<T>,
  { emit = "close", retract = false }: AggregateOptions = {},
): Operator<T, WindowResult<Aggregated<Spec>>, Windowed<T>> {
  const aggregate = combine<T>(aggregates);
  requirePolicy(windows, emit, retract);
  return {
    kind: "window",
    detail: `${windows.detail}: ${aggregate.kind}`,
    isStateful: true,
    ...grainOf(windows),
    open: (scope, down) =>
      openStage(windows, { scope, down: down as Stage<WindowResult<Results>>, aggregate, emit, retract }),
  };
}

function openStage<T>(windows: Windows<T>, parts: WindowParts<T>): Stage<T> {
  switch (windows.kind) {
    case "aligned":
      return new AlignedStage(windows, parts);
    case "session":
      return new SessionStage(windows, parts);
    case "sliding":
      return new SlidingStage(windows, parts);
    case "count":
    case "change":
      return new CountStage(windows, parts);
    default:
      return windows satisfies never;
  }
}

/** Windows by count alone do not ask what time it is. */
function grainOf(windows: Windows<never>): { readonly grainMs?: number } {
  switch (windows.kind) {
    case "aligned":
      return { grainMs: windows.grainMs };
    case "session":
    case "sliding":
      return { grainMs: 1 };
    case "count":
    case "change":
      return windows.ttlMs === undefined ? {} : { grainMs: 1 };
    default:
      return windows satisfies never;
  }
}

function requirePolicy(windows: Windows<never>, emit: EmitPolicy, retract: boolean): void {
  if (emit === "close") {
    if (retract) throw new TypeError('Cannot retract results of closed windows: give emit: "update" or a number');
    return;
  }
  if (windows.kind !== "aligned" && windows.kind !== "session") {
    throw new TypeError(`Cannot give early results of windows ${windows.detail}: only those by time have them`);
  }
  if (emit !== "update" && !(Number.isInteger(emit) && emit > 0)) {
    throw new TypeError(`Cannot emit ${JSON.stringify(emit)}: "close", "update" or a whole number is wanted`);
  }
}
