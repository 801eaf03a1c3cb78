/** What a step refuses. */

import type { Scope, Stage } from "../pipeline/operator.ts";
import type { Place } from "./map.ts";

/** A refused element. */
export interface Rejected<T> {
  /** The element as it came. */
  readonly value: T;
  /** Why, for people. */
  readonly reasons: readonly string[];
}

/** An element that a step refuses, and for which no stream was given. */
export class RejectError extends Error {
  /** The name of the class. */
  override readonly name = "RejectError";
  /** What programs tell it by. */
  readonly code = "E_REJECTED";

  /** The message says what to do. */
  constructor(step: string, reasons: readonly string[]) {
    super(`Cannot accept the record in step ${step}: ${reasons.join("; ")}; give rejects a stream to go on without it`);
  }
}

/** Passes a refused element on to the stream for such. */
export function reject<T>(
  scope: Scope,
  rejects: Stage<Rejected<T>> | undefined,
  rejected: Rejected<T>,
  { key, timeMs }: Place,
): void {
  if (!rejects) throw new RejectError(scope.name, rejected.reasons);
  rejects.push(rejected, key, timeMs);
}
