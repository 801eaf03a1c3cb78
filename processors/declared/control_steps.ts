/** Steps of declared pipelines that clean and control: each makes an operator from what is written beside its name. */

import { alert } from "../operators/alert.ts";
import { changes } from "../operators/changes.ts";
import { check } from "../operators/check.ts";
import { asDate, asNumber, asText, correct, type Correction } from "../operators/correct.ts";
import { dedupe } from "../operators/dedupe.ts";
import { enrich } from "../operators/enrich.ts";
import { inOrder } from "../operators/in_order.ts";
import { type OutlierMethod, outliers } from "../operators/outliers.ts";
import { rateLimit } from "../operators/rate_limit.ts";
import { sample } from "../operators/sample.ts";
import { sequence } from "../operators/sequence.ts";
import { split } from "../operators/split.ts";
import { throttle } from "../operators/throttle.ts";
import type { Duration } from "../time/duration.ts";
import { compileCondition, compileExpression, compileNumber, compileValue } from "./expression.ts";
import { type AnyOperator, keyOf, type Options } from "./steps.ts";

/** Member of a step → the operator that it makes of what is beside it. */
export const CONTROL_STEPS: Readonly<Record<string, (options: unknown) => AnyOperator>> = {
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
