/**
 * `alert`: incidents, each raised once and cleared once.
 *
 * State: `<step>|<key>` since when a key looks bad, and its incident; `<step>:due|<key>` when it has looked bad for long
 * enough.
 */

import type { Key, Operator } from "../pipeline/operator.ts";
import { type Duration, durationMs } from "../time/duration.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";

/** When there is an incident. */
export interface AlertOptions<T> {
  /** Whether an element looks bad. */
  readonly raise: (value: T, key: Key, timeMs: number) => boolean;
  /** Whether an element looks good: something less than not bad, so that it does not flutter. @default {not bad} */
  readonly clear?: (value: T, key: Key, timeMs: number) => boolean;
  /** For how long, in event time, it has to look bad without looking good before it is raised. @default {0} */
  readonly after?: Duration;
}

/** An incident begins or ends. */
export interface Alert<T> {
  /** What happened. */
  readonly kind: "raised" | "cleared";
  /** The same for both ends of an incident, and at every replay. */
  readonly incident: string;
  /** Whose incident it is. */
  readonly key: Key;
  /** Since when it looked bad. */
  readonly sinceMs: number;
  /** The element that did it. */
  readonly value: T;
}

interface Bad {
  readonly incident: string;
  readonly sinceMs: number;
  readonly value: unknown;
  readonly isRaised: boolean;
}

/**
 * Says when an incident of a key begins and when it ends, in the order in which elements come (use `inOrder` before for
 * that of time). However many bad elements an incident has, it is raised once.
 *
 * Bound: the keys that look bad.
 */
export function alert<T>({ raise, clear = not(raise), after = 0 }: AlertOptions<T>): Operator<T, Alert<T>> {
  const afterMs = durationMs(after);
  return {
    kind: "alert",
    ...(afterMs === 0 ? {} : { detail: `after ${after}`, grainMs: 1 }),
    isStateful: true,
    open(scope, down) {
      const bad = scope.state.group(scope.name);
      const timers = scope.timers((part, atMs) => {
        const found = bad.get<Bad>(part);
        if (found && !found.isRaised) report(keyOf(part), found, atMs - 1);
      });
      const report = (key: Key, found: Bad, timeMs: number): void => {
        bad.set(keyPart(key), { ...found, isRaised: true });
        const { incident, sinceMs, value } = found;
        down.push({ kind: "raised", incident, key, sinceMs, value: value as T }, key, timeMs);
      };
      return {
        push(value, key, timeMs) {
          const part = keyPart(key);
          const found = bad.get<Bad>(part);
          if (found) {
            if (!clear(value, key, timeMs)) return;
            bad.delete(part);
            timers.clear(part);
            const { incident, sinceMs } = found;
            if (found.isRaised) down.push({ kind: "cleared", incident, key, sinceMs, value }, key, timeMs);
          } else if (raise(value, key, timeMs)) {
            const incident = scope.context.uuid();
            const begun = { incident, sinceMs: timeMs, value, isRaised: false };
            if (afterMs === 0) return report(key, begun, timeMs);
            bad.set(part, begun);
            timers.set(part, timeMs + afterMs + 1);
          }
        },
        advance(watermarkMs) {
          timers.advance(watermarkMs);
          down.advance(watermarkMs);
        },
      };
    },
  };
}

function not<T>(
  raise: (value: T, key: Key, timeMs: number) => boolean,
): (value: T, key: Key, timeMs: number) => boolean {
  return (value, key, timeMs) => !raise(value, key, timeMs);
}
