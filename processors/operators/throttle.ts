/**
 * `throttle`: of a key that changes often, the first element at once, then the latest every so often.
 *
 * State: `<step>|<key>` the element that waits, or nothing; `<step>:due|<key>` the end of the time under way.
 */

import type { Key, Operator } from "../pipeline/operator.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";

type Waiting = readonly [value: unknown, timeMs: number] | null;

/**
 * Passes the first element of a key on, and for the time `every` after it only the latest of what came, when that time is
 * over; and so on. What is in between is left out. Event time; the latest is the one that came last.
 *
 * Bound: the keys within `every` and the lateness.
 */
export function throttle<T>(every: Duration): Operator<T, T> {
  const everyMs = positiveMs(every, "time");
  return {
    kind: "throttle",
    detail: `every ${every}`,
    isStateful: true,
    grainMs: 1,
    open(scope, down) {
      const waiting = scope.state.group(scope.name);
      const timers = scope.timers((part, atMs) => {
        const latest = waiting.get<Waiting>(part) ?? null;
        if (latest === null) return void waiting.delete(part);
        const key: Key = keyOf(part);
        begin(part, atMs);
        down.push(latest[0] as T, key, Math.max(latest[1], atMs - 1));
      });
      const begin = (part: string, fromMs: number): void => {
        waiting.set(part, null);
        timers.set(part, fromMs + everyMs);
      };
      return {
        push(value, key, timeMs) {
          const part = keyPart(key);
          if (waiting.has(part)) return waiting.set(part, [value, timeMs]);
          begin(part, timeMs);
          down.push(value, key, timeMs);
        },
        advance(watermarkMs) {
          timers.advance(watermarkMs);
          down.advance(watermarkMs);
        },
      };
    },
  };
}
