/** Windows by expression: one ends when a value changes. */

import type { Key } from "../pipeline/operator.ts";
import { positiveMs } from "../time/duration.ts";
import type { TtlOptions } from "./count.ts";
import type { ChangeWindows } from "./windows.ts";

/**
 * Windows of elements of a key for which `of` answers the same, in the order in which they come (use `inOrder` before for
 * that of time). The first element with another answer ends one window and begins the next.
 *
 * State: one entry per key; without `ttl`, for good.
 */
export function untilChange<T>(
  of: (value: T, key: Key) => string | number | boolean | null,
  { ttl }: TtlOptions = {},
): ChangeWindows<T> {
  return { kind: "change", detail: "until change", of, ttlMs: ttl === undefined ? undefined : positiveMs(ttl, "ttl") };
}
