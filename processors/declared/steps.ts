/** Steps of declared pipelines: each makes an operator from what is written beside its name. */

import { filter } from "../operators/filter.ts";
import { flatMap } from "../operators/flat_map.ts";
import { keyBy, type KeyValue } from "../operators/key_by.ts";
import { map } from "../operators/map.ts";
import type { Operator, Sides } from "../pipeline/operator.ts";
import { type AggregateOptions, aggregateWindows } from "../windows/aggregate_windows.ts";
import { declaredAggregates } from "./aggregates.ts";
import { compileCondition, compileExpression } from "./expression.ts";
import { declaredWindows } from "./windows.ts";

/** What is written in a step. */
export type Options = Readonly<Record<string, unknown>>;
/** An operator, whatever it takes and gives. */
export type AnyOperator = Operator<unknown, unknown, Sides>;

/** Member of a step → the operator that it makes of what is beside it. */
export const STEPS: Readonly<Record<string, (options: unknown) => AnyOperator>> = {
  filter: (expression) => filter<unknown>(compileCondition(String(expression))),
  project: (fields) => map(projection(fields as Options)),
  set: (fields) => {
    const project = projection(fields as Options);
    return map((value, place) => ({ ...value as object, ...project(value, place) }));
  },
  drop: (names) => map((value) => without(value as Options, names as readonly string[])),
  key: (expressions) => keyBy<unknown>(keyOf(expressions)),
  flatten: (expression) => {
    const of = compileExpression(String(expression));
    return flatMap((value, { key, timeMs }) => listOf(of(value, key, timeMs), String(expression)));
  },
  window: (options) => {
    const { aggregate, emit, retract } = options as Options;
    const given = { ...(emit === undefined ? {} : { emit }), ...(retract === undefined ? {} : { retract }) };
    return aggregateWindows(
      declaredWindows(options as Options),
      declaredAggregates(aggregate as Options),
      given as AggregateOptions,
    ) as AnyOperator;
  },
};

/** Makes an object: text is an expression, anything else stays what it is. */
function projection(fields: Options) {
  const parts = Object.entries(fields).map(([name, field]) =>
    [name, typeof field === "string" ? compileExpression(field) : () => field] as const
  );
  return (value: unknown, { key, timeMs }: { readonly key: string | null; readonly timeMs: number }) => {
    const made: Record<string, unknown> = {};
    for (const [name, compute] of parts) made[name] = compute(value, key, timeMs);
    return made;
  };
}

/** A key of one expression, or of several. */
export function keyOf(expressions: unknown): (value: unknown, key: string | null, timeMs?: number) => KeyValue {
  if (!Array.isArray(expressions)) {
    const compute = compileExpression(String(expressions));
    return (value, key, timeMs = 0) => compute(value, key, timeMs) as KeyValue;
  }
  const parts = expressions.map((expression) => compileExpression(String(expression)));
  return (value, key, timeMs = 0) => parts.map((compute) => compute(value, key, timeMs)) as KeyValue;
}

function without(value: Options, names: readonly string[]): Options {
  return Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)));
}

function listOf(value: unknown, expression: string): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError(`Cannot flatten ${expression}: it is ${JSON.stringify(value)}, a list is wanted`);
}
