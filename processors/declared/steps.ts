/** Steps of declared pipelines: each makes an operator from what is written beside its name. */

import { alert } from "../operators/alert.ts";
import { changes } from "../operators/changes.ts";
import { asDate, asNumber, asText, correct, type Correction } from "../operators/correct.ts";
import { dedupe } from "../operators/dedupe.ts";
import { enrich } from "../operators/enrich.ts";
import { filter } from "../operators/filter.ts";
import { flatMap } from "../operators/flat_map.ts";
import { inOrder } from "../operators/in_order.ts";
import { keyBy, type KeyValue } from "../operators/key_by.ts";
import { map } from "../operators/map.ts";
import { type OutlierMethod, outliers } from "../operators/outliers.ts";
import { rateLimit } from "../operators/rate_limit.ts";
import { sample } from "../operators/sample.ts";
import { sequence } from "../operators/sequence.ts";
import { split } from "../operators/split.ts";
import { throttle } from "../operators/throttle.ts";
import type { Operator, Sides } from "../pipeline/operator.ts";
import type { Duration } from "../time/duration.ts";
import { type AggregateOptions, aggregateWindows } from "../windows/aggregate_windows.ts";
import { check } from "../operators/check.ts";
import { declaredAggregates } from "./aggregates.ts";
import { compileCondition, compileExpression, compileNumber, compileValue } from "./expression.ts";
import { declaredWindows } from "./windows.ts";

type Options = Readonly<Record<string, unknown>>;
type AnyOperator = Operator<unknown, unknown, Sides>;

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
  dedupe: (options) => {
    const { by, ttl } = options as Options;
    return dedupe<unknown>({ ttl: ttl as Duration, ...(by === undefined ? {} : { by: keyOf(by) }) });
  },
  check: (rules) =>
    check(
      Object.entries(rules as Options).map(([reason, expression]) => ({
        reason,
        holds: compileCondition(String(expression)),
      })),
    ),
  correct: (fields) => correct(mapValues(fields as Options, correctionOf)) as AnyOperator,
  outliers: (options) => {
    const { of, method, ...rest } = options as Options;
    const number = compileNumber(String(of));
    return outliers<unknown>({ ...rest, of: (value) => number(value) ?? NaN, method: method as OutlierMethod });
  },
  "rate-limit": (options) => rateLimit(options as { readonly count: number; readonly per: Duration }),
  throttle: (every) => throttle(every as Duration),
  sample: (share) => sample(share as number),
  "in-order": () => inOrder(),
  changes: () => changes() as AnyOperator,
  split: (branches) =>
    split<unknown, Record<string, ReturnType<typeof compileCondition>>>(
      mapValues(branches as Options, (expression) => compileCondition(String(expression))),
    ),
  enrich: (options) => {
    const { effect, ask, as, ...rest } = options as Options;
    const question = compileExpression(String(ask));
    return enrich<unknown, unknown, unknown, unknown>({
      ...rest,
      effect: String(effect),
      ask: (value, { key, timeMs }) => question(value, key, timeMs),
      combine: (value, answer) => ({ ...value as object, [String(as)]: answer }),
    });
  },
  alert: (options) => {
    const { raise, clear, after } = options as Options;
    return alert<unknown>({
      raise: compileCondition(String(raise)),
      ...(clear === undefined ? {} : { clear: compileCondition(String(clear)) }),
      ...(after === undefined ? {} : { after: after as Duration }),
    });
  },
  sequence: (options) => {
    const { parts, within, without } = options as Options;
    const like = (expression: unknown) => {
      compileValue(String(expression));
      const holds = compileCondition(String(expression));
      return (value: unknown) => holds(value, null, 0);
    };
    return sequence<unknown>({
      parts: (parts as readonly unknown[]).map(like),
      within: within as Duration,
      ...(without === undefined ? {} : { without: like(without) }),
    });
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

function keyOf(expressions: unknown): (value: unknown, key: string | null, timeMs?: number) => KeyValue {
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

function correctionOf(form: unknown): Correction<unknown> {
  const [kind, options] = typeof form === "string" ? [form, {}] : Object.entries(form as Options)[0];
  switch (kind) {
    case "date":
      return asDate(options as Parameters<typeof asDate>[0]);
    case "number":
      return asNumber(options as Parameters<typeof asNumber>[0]);
    case "text":
      return asText(options as Parameters<typeof asText>[0]);
    default:
      throw new TypeError(`Cannot correct to ${kind}: date, number or text is wanted`);
  }
}

function mapValues<V>(values: Options, change: (value: unknown) => V): Record<string, V> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, change(value)]));
}
