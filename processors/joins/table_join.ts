/**
 * `tableJoin`: each element with what a table has for its key at that moment. The table is a stream of changes: the latest
 * value of a key counts, null deletes it.
 *
 * State: `<step>|<key>` the table. Bound: its keys.
 */

import type { StateGroup } from "../../engine/state.ts";
import type { Junction, JunctionOperator, Key, Scope, Stage } from "../pipeline/operator.ts";
import { keyPart } from "../pipeline/key_part.ts";
import { type Combine, LEFT } from "./joining.ts";

/** What becomes of the elements. */
export interface TableJoinOptions<L, R, Out> {
  /** Whether elements without an entry in the table get a result. @default {"left"} */
  readonly kind?: "inner" | "left";
  /** Makes the result. */
  readonly combine: Combine<L, R, Out>;
}

/**
 * Looks each element up in a table. What the table has when the element is processed counts, in the order that the journal
 * has for the two inputs; use `asOfJoin` for what it had at the element's time.
 */
export function tableJoin<L, R, Out>(
  { kind = "left", combine }: TableJoinOptions<L, R, Out>,
): JunctionOperator<readonly [L, R | null], Out> {
  return {
    kind: "lookup",
    detail: `${kind}, latest value of the key`,
    isStateful: true,
    open: (scope, down) => new TableJoin(scope, down, { kind, combine }),
  };
}

class TableJoin<L, R, Out> implements Junction {
  readonly #table: StateGroup;
  readonly #down: Stage<Out>;
  readonly #options: Required<TableJoinOptions<L, R, Out>>;

  constructor(scope: Scope, down: Stage<Out>, options: Required<TableJoinOptions<L, R, Out>>) {
    this.#table = scope.state.group(scope.name);
    this.#down = down;
    this.#options = options;
  }

  push(input: number, value: unknown, key: Key, timeMs: number): void {
    const part = keyPart(key);
    if (input !== LEFT) {
      if (value === null) this.#table.delete(part);
      else this.#table.set(part, value);
      return;
    }
    const found = this.#table.get<R>(part) ?? null;
    if (found === null && this.#options.kind === "inner") return;
    this.#down.push(this.#options.combine(value as L, found, key), key, timeMs);
  }

  advance(watermarkMs: number): void {
    this.#down.advance(watermarkMs);
  }
}
