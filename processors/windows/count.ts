/** Windows of a fixed number of elements. */

import { type Duration, positiveMs } from "../time/duration.ts";
import type { CountWindows } from "./windows.ts";

/** When windows are given up that do not fill. */
export interface TtlOptions {
  /** After so much event time without an element of its key, a window ends as it is. @default {never} */
  readonly ttl?: Duration;
}

/**
 * Windows of `size` elements of a key, in the order in which they come (use `inOrder` before for that of time). One that
 * is not full at the end, or after `ttl`, is closed with `isPartial`.
 *
 * State: one entry per key; without `ttl`, for good.
 */
export function countOf(size: number, { ttl }: TtlOptions = {}): CountWindows {
  if (!Number.isInteger(size) || size < 1) {
    throw new TypeError(`Cannot use windows of ${size} elements: a whole number from 1 is wanted`);
  }
  return {
    kind: "count",
    detail: `every ${size}`,
    size,
    ttlMs: ttl === undefined ? undefined : positiveMs(ttl, "ttl"),
  };
}
