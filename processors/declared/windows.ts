/** Windows of declared pipelines: `{ tumbling: 1m }`, `{ hopping: { size: 5m, every: 1m } }`, `{ session: 30m }`, … */

import type { Duration } from "../time/duration.ts";
import { calendar, type CalendarUnit } from "../windows/calendar.ts";
import { untilChange } from "../windows/change.ts";
import { countOf } from "../windows/count.ts";
import { hopping } from "../windows/hopping.ts";
import { session } from "../windows/session.ts";
import { sliding } from "../windows/sliding.ts";
import { tumbling } from "../windows/tumbling.ts";
import type { AlignedWindows, Windows } from "../windows/windows.ts";
import { compileExpression } from "./expression.ts";

type Options = Readonly<Record<string, unknown>>;

const offsetOf = ({ offset }: Options) => offset === undefined ? {} : { offset: offset as Duration };
const ttlOf = ({ ttl }: Options) => ttl === undefined ? {} : { ttl: ttl as Duration };

/** Kind of window → how it is made from what is written beside its name, and from the members beside it. */
const WINDOWS: Readonly<Record<string, (options: unknown, beside: Options) => Windows<unknown>>> = {
  tumbling: (size, beside) => tumbling(size as Duration, offsetOf(beside)),
  hopping: (options, beside) => {
    const { size, every } = options as Options;
    return hopping(size as Duration, every as Duration, offsetOf(beside));
  },
  calendar: (options) => {
    const { unit, zone } = (typeof options === "string" ? { unit: options } : options) as Options;
    return calendar(unit as CalendarUnit, zone === undefined ? {} : { zone: String(zone) });
  },
  session: (gap) => session(gap as Duration),
  sliding: (size) => sliding(size as Duration),
  count: (size, beside) => countOf(size as number, ttlOf(beside)),
  change: (expression, beside) => {
    const of = compileExpression(String(expression));
    return untilChange<unknown>((value, key) => of(value, key, 0) as string, ttlOf(beside));
  },
};

/** The names of all kinds of windows. */
const WINDOW_NAMES: readonly string[] = Object.keys(WINDOWS);

/** Member beside the kind → the kinds that know it. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  offset: ["tumbling", "hopping"],
  ttl: ["count", "change"],
};

/** The windows that `spec` has a member for. */
export function declaredWindows(spec: Options): Windows<unknown> {
  const [kind, ...others] = WINDOW_NAMES.filter((name) => name in spec);
  if (kind === undefined || others.length > 0) {
    throw new TypeError(`Cannot divide into windows: one of ${WINDOW_NAMES.join(", ")} is wanted`);
  }
  for (const [name, kinds] of Object.entries(BESIDE)) {
    if (!(name in spec) || kinds.includes(kind)) continue;
    throw new TypeError(`Cannot use ${name} with ${kind} windows: it is for ${kinds.join(", ")}`);
  }
  return WINDOWS[kind](spec[kind], spec);
}

/** The windows of a join. */
export function declaredAlignedWindows(spec: Options): AlignedWindows {
  const windows = declaredWindows(spec);
  if (windows.kind !== "aligned") {
    throw new TypeError(`Cannot join in windows ${windows.detail}: tumbling or calendar is wanted`);
  }
  return windows;
}
