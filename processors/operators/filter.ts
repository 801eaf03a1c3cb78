/** `filter`: the elements that comply, as they are. Order and time stay; nothing is remembered. */

import type { Key, Operator } from "../pipeline/operator.ts";

/**
 * Keeps the elements for which `complies` answers true.
 *
 * @example
 * ```ts
 * import { filter, json, pipeline } from "@sluice/sluice/pipeline";
 *
 * export default pipeline("large", ({ from }) =>
 *   from(json<{ cents: number }>()).through(filter(({ cents }) => cents > 1000)).to(json()));
 * ```
 */
export function filter<In, Out extends In>(
  complies: (value: In, key: Key, timeMs: number) => value is Out,
): Operator<In, Out>;
/** Keeps the elements for which `complies` answers true. */
export function filter<In>(complies: (value: In, key: Key, timeMs: number) => boolean): Operator<In, In>;
export function filter<In>(complies: (value: In, key: Key, timeMs: number) => boolean): Operator<In, In> {
  return {
    kind: "filter",
    open: (_, down) => ({
      push(value, key, timeMs) {
        if (complies(value, key, timeMs)) down.push(value, key, timeMs);
      },
      advance: (watermarkMs) => down.advance(watermarkMs),
    }),
  };
}
