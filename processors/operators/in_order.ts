/**
 * `inOrder`: elements in the order of their time, each once the watermark has passed it.
 *
 * State: `<step>|<number>` an element; `<step>:due|<number>` its time; `<step>:next` how many there were.
 */

import { EventTime } from "../pipeline/event_time.ts";
import type { Key, Operator } from "../pipeline/operator.ts";

type Waiting = readonly [value: unknown, key: Key, timeMs: number];

/** Numbers as text that sorts as they do. */
const DIGITS = 16;

/**
 * Holds elements back until nothing earlier is to come. Of equal times, those that came first come first.
 *
 * Late is what is earlier than the watermark. Bound: the elements within the lateness.
 */
export function inOrder<T>(): Operator<T, T, { readonly late: T }> {
  return {
    kind: "in-order",
    isStateful: true,
    grainMs: 1,
    open(scope, down) {
      const waiting = scope.state.group(scope.name);
      const nextKey = `${scope.name}:next`;
      const time = new EventTime<T>(scope, down, (number) => {
        const [value, key, timeMs] = waiting.get<Waiting>(number)!;
        waiting.delete(number);
        down.push(value as T, key, timeMs);
      });
      return {
        push(value, key, timeMs) {
          if (timeMs < time.watermarkMs) return time.refuse(value, key, timeMs);
          const next = scope.state.get<number>(nextKey) ?? 0;
          scope.state.set(nextKey, next + 1);
          const number = String(next).padStart(DIGITS, "0");
          waiting.set(number, [value, key, timeMs]);
          time.timers.set(number, timeMs + 1);
        },
        advance: (watermarkMs) => time.advance(watermarkMs),
      };
    },
  };
}
