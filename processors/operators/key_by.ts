/**
 * `keyBy`: another key for each; what comes after it keeps equal keys together. Nothing is remembered.
 *
 * Equal keys may be in different partitions, so a run with `keyBy` has one task for all partitions, unless `--tasks` says
 * that the partitions hold different keys anyway.
 */

import type { Key, Operator } from "../pipeline/operator.ts";

/** What can be a key: an array for a key of several parts. */
export type KeyValue = string | number | boolean | null | readonly (string | number | boolean | null)[];

/** The text of a key; parts of a composite key are JSON. */
export function keyText(value: KeyValue): Key {
  if (value === null || typeof value === "string") return value;
  if (typeof value !== "object" && value !== undefined) return String(value);
  if (Array.isArray(value)) return JSON.stringify(value);
  throw new TypeError(`Cannot use ${JSON.stringify(value)} as a key: text, a number or a list of them is wanted`);
}

/** Groups by what `of` answers. */
export function keyBy<In>(of: (value: In, key: Key, timeMs: number) => KeyValue): Operator<In, In> {
  return {
    kind: "key",
    regroups: true,
    open: (_, down) => ({
      push: (value, key, timeMs) => down.push(value, keyText(of(value, key, timeMs)), timeMs),
      advance: (watermarkMs) => down.advance(watermarkMs),
    }),
  };
}
