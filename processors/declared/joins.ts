/** Joins of declared pipelines: `{ with: payments, within: 5m, select: { … } }`, with `left` and `right` in expressions. */

import { asOfJoin } from "../joins/as_of_join.ts";
import { intervalJoin } from "../joins/interval_join.ts";
import type { JoinKind } from "../joins/joining.ts";
import { tableJoin } from "../joins/table_join.ts";
import { windowJoin } from "../joins/window_join.ts";
import type { JunctionOperator, Key, Sides } from "../pipeline/operator.ts";
import type { Duration } from "../time/duration.ts";
import { compileExpression } from "./expression.ts";
import { declaredAlignedWindows } from "./windows.ts";

type Options = Readonly<Record<string, unknown>>;

/** What tells the kinds of joins apart. */
const JOIN_NAMES: readonly string[] = ["within", "before", "after", "window", "as-of", "table"];
/** Those that say how far apart two may be. */
const SPANS: readonly string[] = ["within", "before", "after"];

/** The join that `options` describe. */
export function declaredJoin(options: Options): JunctionOperator<readonly [unknown, unknown], unknown, Sides> {
  const [way, other] = JOIN_NAMES.filter((name) => name in options);
  if (way === undefined) {
    throw new TypeError(`Cannot join: how is not said; one of ${JOIN_NAMES.join(", ")} is wanted`);
  }
  if (other !== undefined && !(SPANS.includes(way) && SPANS.includes(other))) {
    throw new TypeError(`Cannot join by ${way} and ${other} at once: one of them is wanted`);
  }
  const combine = selection(options.select as Options | undefined);
  const kind = options.kind === undefined ? {} : { kind: options.kind as JoinKind };
  if (options.window !== undefined) {
    return windowJoin<unknown, unknown, unknown>(declaredAlignedWindows(options.window as Options), {
      ...kind,
      combine,
    });
  }
  if (options["as-of"] !== undefined) {
    const within = options["as-of"] === true ? {} : { within: options["as-of"] as Duration };
    return asOfJoin<unknown, unknown, unknown>({ ...within, ...lookupKind(options), combine });
  }
  if (options.table !== undefined) return tableJoin<unknown, unknown, unknown>({ ...lookupKind(options), combine });
  const times = Object.entries(options).filter(([name]) => SPANS.includes(name));
  const spans = Object.fromEntries(times) as Readonly<Record<string, Duration>>;
  return intervalJoin<unknown, unknown, unknown>({ ...spans, ...kind, combine });
}

/** What is looked up has no output of its own. */
function lookupKind({ kind }: Options): { readonly kind?: "inner" | "left" } {
  if (kind === undefined) return {};
  if (kind === "inner" || kind === "left") return { kind };
  throw new TypeError(`Cannot join: kind is ${kind}, of a join as of a time or with a table inner or left is wanted`);
}

/** Without a selection, the fields of both: those of the left one win. */
function selection(select: Options | undefined) {
  if (select === undefined) {
    return (left: unknown, right: unknown): unknown => ({ ...right as object | null, ...left as object | null });
  }
  const fields = Object.entries(select).map(([name, field]) =>
    [name, typeof field === "string" ? compileExpression(field) : () => field] as const
  );
  return (left: unknown, right: unknown, key: Key): unknown =>
    Object.fromEntries(fields.map(([name, compute]) => [name, compute({ left, right }, key, 0)]));
}
