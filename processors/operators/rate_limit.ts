/**
 * `rateLimit`: at most so many elements of a key per time.
 *
 * State: `<step>|<key>` up to when a key has used its share; `<step>:due|<key>` when that is over.
 */

import type { Operator } from "../pipeline/operator.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import { keyPart } from "../pipeline/key_part.ts";

/** How many. */
export interface RateLimitOptions {
  /** How many elements per `per`; so many may also come at once. */
  readonly count: number;
  /** In what event time. */
  readonly per: Duration;
}

/**
 * Passes elements on as long as their key has not used its share: `count` at once, and `count` per `per` in the long run
 * (the generic cell rate algorithm, ITU-T I.371). What is too much goes to `excess`, where somebody takes it.
 *
 * By event time, in the order in which elements come; one that is earlier than the one before counts as equally late.
 * Bound: the keys within `per` and the lateness.
 */
export function rateLimit<T>({ count, per }: RateLimitOptions): Operator<T, T, { readonly excess: T }> {
  if (!Number.isInteger(count) || count < 1) {
    throw new TypeError(`Cannot limit to ${count} elements: a whole number from 1 is wanted`);
  }
  const perMs = positiveMs(per, "time");
  const eachMs = perMs / count;
  return {
    kind: "rate-limit",
    detail: `${count} per ${per}`,
    isStateful: true,
    grainMs: perMs,
    open(scope, down) {
      const used = scope.state.group(scope.name);
      const excess = scope.side<T>("excess");
      const timers = scope.timers((part, atMs) => {
        const untilMs = used.get<number>(part);
        if (untilMs !== undefined && untilMs > atMs) timers.set(part, dueMs(untilMs));
        else used.delete(part);
      });
      const dueMs = (untilMs: number): number => Math.ceil(untilMs / perMs) * perMs;
      return {
        push(value, key, timeMs) {
          const part = keyPart(key);
          const untilMs = Math.max(used.get<number>(part) ?? timeMs, timeMs);
          if (untilMs + eachMs - timeMs > perMs + 1e-6) return excess?.push(value, key, timeMs);
          used.set(part, untilMs + eachMs);
          if (timers.get(part) === undefined) timers.set(part, dueMs(untilMs + eachMs));
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
