/** `check`: elements for which all rules hold; the others are rejects, with what does not hold. Nothing is remembered. */

import type { Key, Operator } from "../pipeline/operator.ts";
import { reject, type Rejected } from "./rejected.ts";

/** Something that has to hold. */
export interface Rule<T> {
  /** What it is called, for people. */
  readonly reason: string;
  /** Whether it holds. */
  readonly holds: (value: T, key: Key, timeMs: number) => boolean;
}

/** Rejects go to `rejects`; where nobody takes them, the record of a reject fails. */
export function check<T>(rules: readonly Rule<T>[]): Operator<T, T, { readonly rejects: Rejected<T> }> {
  return {
    kind: "check",
    detail: rules.map(({ reason }) => reason).join(", "),
    open(scope, down) {
      const rejects = scope.side<Rejected<T>>("rejects");
      return {
        push(value, key, timeMs) {
          const broken = rules.filter(({ holds }) => !holds(value, key, timeMs)).map(({ reason }) => reason);
          if (broken.length === 0) return down.push(value, key, timeMs);
          reject(scope, rejects, { value, reasons: broken }, { key, timeMs });
        },
        advance: (watermarkMs) => down.advance(watermarkMs),
      };
    },
  };
}
