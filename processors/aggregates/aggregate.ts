/**
 * What an aggregate is: a state that is JSON, how a value is added, how two states become one, and what they mean.
 *
 * Adding and merging may come in any order that the windows need (slices, sessions that grow together), so `merge` of the
 * states of two parts must mean what adding all values to one would.
 */

/** An aggregate of values of type `In`. */
export interface Aggregate<In, Out> {
  /** Shown in graphs. */
  readonly kind: string;
  /** The state without a value. */
  create(): unknown;
  /** The state with one more value; `state` may be changed and answered. */
  add(state: unknown, value: In, timeMs: number): unknown;
  /** The state of two parts, `a` being the earlier one; both may be changed. */
  merge(a: unknown, b: unknown): unknown;
  /** What the state means. */
  result(state: unknown): Out;
}

/** An aggregate with the type of its state. */
export interface AggregateDefinition<In, Out, State> {
  /** Shown in graphs. */
  readonly kind?: string;
  /** The state without a value. */
  create(): State;
  /** The state with one more value. */
  add(state: State, value: In, timeMs: number): State;
  /** The state of two parts, `a` being the earlier one. */
  merge(a: State, b: State): State;
  /** What the state means. */
  result(state: State): Out;
}

/**
 * An aggregate of your own. Its state must be JSON.
 *
 * @example
 * ```ts
 * import { aggregate } from "@sluice/sluice/pipeline";
 *
 * const longest = aggregate<string, number, number>({
 *   create: () => 0,
 *   add: (state, value) => Math.max(state, value.length),
 *   merge: (a, b) => Math.max(a, b),
 *   result: (state) => state,
 * });
 * console.assert(longest.result(longest.add(longest.create(), "abc", 0)) === 3);
 * ```
 */
export function aggregate<In, Out, State>(definition: AggregateDefinition<In, Out, State>): Aggregate<In, Out> {
  return { kind: "own", ...definition } as Aggregate<In, Out>;
}
