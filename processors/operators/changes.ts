/**
 * `changes`: a stream of the latest values of keys as a stream of what changes.
 *
 * State: `<step>|<key>` the latest value. Bound: the keys; null deletes one.
 */

import type { Key, Operator } from "../pipeline/operator.ts";
import { keyPart } from "../pipeline/key_part.ts";

/** A change of a key. */
export interface Change<T> {
  /** The key. */
  readonly key: Key;
  /** What it was; null where it was nothing. */
  readonly before: T | null;
  /** What it is; null where it is gone. */
  readonly after: T | null;
}

/** Says what changed, in the order in which values come. A value that is the same as before is no change. */
export function changes<T>(): Operator<T, Change<NonNullable<T>>> {
  return {
    kind: "changes",
    isStateful: true,
    open(scope, down) {
      const latest = scope.state.group(scope.name);
      return {
        push(value, key, timeMs) {
          const part = keyPart(key);
          const before = latest.get<NonNullable<T>>(part) ?? null;
          const after = value ?? null;
          if (JSON.stringify(before) === JSON.stringify(after)) return;
          if (after === null) latest.delete(part);
          else latest.set(part, after);
          down.push({ key, before, after }, key, timeMs);
        },
        advance: (watermarkMs) => down.advance(watermarkMs),
      };
    },
  };
}
