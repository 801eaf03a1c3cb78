/** `split`: each element goes to the first branch that wants it; what none wants goes on. Nothing is remembered. */

import type { Key, Operator, Stage } from "../pipeline/operator.ts";

/** Branch → what it wants. */
export type Branches<In> = Readonly<Record<string, (value: In, key: Key, timeMs: number) => boolean>>;

/**
 * Splits a stream into branches, which `through` takes by name.
 *
 * @example
 * ```ts
 * import { json, pipeline, split } from "@sluice/sluice/pipeline";
 *
 * export default pipeline("by-size", ({ from }) =>
 *   from(json<{ cents: number }>())
 *     .through(split({ large: ({ cents }) => cents > 1000 }), { large: (large) => large.to("large", json()) })
 *     .to("small", json()));
 * ```
 */
export function split<In, B extends Branches<In>>(
  branches: B & Branches<In>,
): Operator<In, In, { [Name in keyof B]: In }> {
  const wanted = Object.entries<(value: In, key: Key, timeMs: number) => boolean>(branches);
  return {
    kind: "split",
    detail: wanted.map(([name]) => name).join(", "),
    open(scope, down) {
      const sides = wanted.map(([name, wants]) => ({ wants, stage: scope.side<In>(name) }));
      return {
        push(value, key, timeMs) {
          const side = sides.find(({ wants }) => wants(value, key, timeMs));
          const stage: Stage<In> | undefined = side ? side.stage : down;
          stage?.push(value, key, timeMs);
        },
        advance: (watermarkMs) => down.advance(watermarkMs),
      };
    },
  };
}
