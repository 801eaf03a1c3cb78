/** What all joins of two streams share: which elements get a result, and how two become one. */

import type { Key } from "../pipeline/operator.ts";

/** Whose elements get a result without a partner: nobody's, the left stream's, both streams'. */
export type JoinKind = "inner" | "left" | "outer";

/** What a result is made from: one side is null where it has no partner. */
export type Combine<L, R, Out> = (left: L | null, right: R | null, key: Key) => Out;

/** Elements that came too late. */
export type JoinSides<L, R> = {
  /** Elements of either stream. */
  readonly late: L | R;
};

/** The streams of a join, as they are counted. */
export const LEFT = 0;

/** Whether elements of `input` get a result without a partner. */
export function isOuter(kind: JoinKind, input: number): boolean {
  return kind === "outer" || (kind === "left" && input === LEFT);
}

/** Calls `combine` with both sides in order. */
export function combineFrom<L, R, Out>(combine: Combine<L, R, Out>) {
  return (input: number, own: unknown, other: unknown, key: Key): Out =>
    input === LEFT
      ? combine(own as L | null, other as R | null, key)
      : combine(other as L | null, own as R | null, key);
}
