/**
 * `dedupe`: the first element of each identity; those that repeat it within a time are left out.
 *
 * State: `<step>@<bucket>|<identity>` when an identity was passed on; `<step>:due|<bucket>` when a bucket is forgotten.
 */

import type { StateGroup } from "../../engine/state.ts";
import { EventTime } from "../pipeline/event_time.ts";
import type { Key, Operator } from "../pipeline/operator.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import { keyPart } from "../pipeline/key_part.ts";
import { keyText, type KeyValue } from "./key_by.ts";

/** What counts as a repeat. */
export interface DedupeOptions<T> {
  /** What makes an element the one that it is. @default {its key} */
  readonly by?: (value: T, key: Key, timeMs: number) => KeyValue;
  /** For how long an identity is remembered, in event time. */
  readonly ttl: Duration;
}

/**
 * Leaves out an element whose identity was passed on less than `ttl` before or after it, by their times. The first to come
 * is passed on. Repeats go to `repeats`, where somebody takes them.
 *
 * Late is what is earlier than the watermark: what it might repeat may be forgotten. Bound: the identities within twice
 * the `ttl` and the lateness.
 */
export function dedupe<T>(
  { by, ttl }: DedupeOptions<T>,
): Operator<T, T, { readonly repeats: T; readonly late: T }> {
  const ttlMs = positiveMs(ttl, "ttl");
  return {
    kind: "dedupe",
    detail: `within ${ttl}`,
    isStateful: true,
    grainMs: ttlMs,
    open(scope, down) {
      const bucket = (n: number): StateGroup => scope.state.group(`${scope.name}@${n}`);
      const time = new EventTime<T>(scope, down, (n) => {
        const group = bucket(Number(n));
        for (const identity of group.keys()) group.delete(identity);
      });
      // Where a task goes on with the keys of another (Kinesis), what belongs to no key may have gone elsewhere.
      for (const group of scope.state.groups(`${scope.name}@`)) {
        const n = Number(group.slice(scope.name.length + 1));
        time.timers.set(String(n), (n + 2) * ttlMs);
      }
      const repeats = scope.side<T>("repeats");
      return {
        push(value, key, timeMs) {
          if (timeMs < time.watermarkMs) return time.refuse(value, key, timeMs);
          const identity = keyPart(by ? keyText(by(value, key, timeMs)) : key);
          const own = Math.floor(timeMs / ttlMs);
          for (let n = own - 1; n <= own + 1; n++) {
            const passedMs = bucket(n).get<number>(identity);
            if (passedMs !== undefined && Math.abs(passedMs - timeMs) < ttlMs) {
              return repeats?.push(value, key, timeMs);
            }
          }
          bucket(own).set(identity, timeMs);
          time.timers.set(String(own), (own + 2) * ttlMs);
          down.push(value, key, timeMs);
        },
        advance: (watermarkMs) => time.advance(watermarkMs),
      };
    },
  };
}
