/**
 * `outliers`: elements whose number is far from the last ones of their key.
 *
 * State: `<step>|<key>` the last numbers of a key; with `ttl`, `<step>:due|<key>` when they are forgotten.
 */

import type { Operator } from "../pipeline/operator.ts";
import { type Duration, positiveMs } from "../time/duration.ts";
import { keyPart } from "../pipeline/key_part.ts";

/** How far is too far. */
export type OutlierMethod = "z-score" | "iqr" | "mad";

/** What is looked at. */
export interface OutlierOptions<T> {
  /** The number of an element. */
  readonly of: (value: T) => number;
  /**
   * `z-score`: standard deviations from the mean; `iqr`: interquartile ranges beyond the quartiles; `mad`: median absolute
   * deviations, scaled to compare with standard deviations, from the median.
   */
  readonly method: OutlierMethod;
  /** How many of them. @default {3; for iqr 1.5} */
  readonly threshold?: number;
  /** How many of the last numbers of the key count. @default {100} */
  readonly over?: number;
  /** With fewer numbers than this, nothing is an outlier. @default {10} */
  readonly least?: number;
  /** After so much event time, a silent key is forgotten. @default {never} */
  readonly ttl?: Duration;
  /** Puts another number in place of an outlier's: the nearest that is none. Then it goes on, as if it were none. */
  readonly clamp?: (value: T, nearest: number) => T;
}

/** An element that is an outlier. */
export interface Outlier<T> {
  /** The element. */
  readonly value: T;
  /** Its number. */
  readonly number: number;
  /** The lowest number that would have been none. */
  readonly low: number;
  /** The highest number that would have been none. */
  readonly high: number;
}

const METHODS: Readonly<Record<OutlierMethod, (numbers: readonly number[], threshold: number) => Range>> = {
  "z-score"(numbers, threshold) {
    const mean = numbers.reduce((sum, each) => sum + each, 0) / numbers.length;
    const variance = numbers.reduce((sum, each) => sum + (each - mean) ** 2, 0) / (numbers.length - 1);
    return around(mean, threshold * Math.sqrt(variance));
  },
  iqr(numbers, threshold) {
    const [low, high] = [quantile(numbers, 0.25), quantile(numbers, 0.75)];
    const reach = threshold * (high - low);
    return { low: low - reach, high: high + reach };
  },
  mad(numbers, threshold) {
    const median = quantile(numbers, 0.5);
    const deviation = quantile(numbers.map((each) => Math.abs(each - median)), 0.5);
    // 1.4826: of a normal distribution, the standard deviation in median absolute deviations.
    return around(median, threshold * 1.4826 * deviation);
  },
};

/**
 * Takes outliers out, to `rejects` where somebody takes them; or clamps them. Numbers are compared with those that came
 * before, in the order in which they come (use `inOrder` before for that of time); outliers do not count among them.
 *
 * Bound: `over` numbers per key, for good without `ttl`.
 */
export function outliers<T>(
  { of, method, threshold = method === "iqr" ? 1.5 : 3, over = 100, least = 10, ttl, clamp }: OutlierOptions<T>,
): Operator<T, T, { readonly rejects: Outlier<T> }> {
  if (!Object.hasOwn(METHODS, method)) {
    throw new TypeError(`Cannot find outliers by ${method}: known are ${Object.keys(METHODS).join(", ")}`);
  }
  const ttlMs = ttl === undefined ? undefined : positiveMs(ttl, "ttl");
  return {
    kind: "outliers",
    detail: `${method} ${threshold} over ${over}`,
    isStateful: true,
    ...(ttlMs === undefined ? {} : { grainMs: ttlMs }),
    open(scope, down) {
      const last = scope.state.group(scope.name);
      const timers = scope.timers((part) => last.delete(part));
      const side = scope.side<Outlier<T>>("rejects");
      return {
        push(value, key, timeMs) {
          const part = keyPart(key);
          const numbers = last.get<number[]>(part) ?? [];
          const number = finite(of(value));
          const range = numbers.length < least ? EVERYTHING : METHODS[method](numbers, threshold);
          const isOutlier = number < range.low || number > range.high;
          if (isOutlier && clamp === undefined) {
            side?.push({ value, number, low: range.low, high: range.high }, key, timeMs);
            return;
          }
          if (!isOutlier) last.set(part, [...numbers, number].slice(-over));
          if (ttlMs !== undefined) timers.set(part, (Math.floor(timeMs / ttlMs) + 2) * ttlMs);
          const nearest = Math.min(range.high, Math.max(range.low, number));
          down.push(isOutlier ? clamp!(value, nearest) : value, key, timeMs);
        },
        advance(watermarkMs) {
          timers.advance(watermarkMs);
          down.advance(watermarkMs);
        },
      };
    },
  };
}

interface Range {
  readonly low: number;
  readonly high: number;
}

const EVERYTHING: Range = { low: -Infinity, high: Infinity };

function around(middle: number, reach: number): Range {
  return { low: middle - reach, high: middle + reach };
}

/** Between the two nearest numbers, straight (type 7 of Hyndman and Fan, 1996). */
function quantile(numbers: readonly number[], q: number): number {
  const sorted = numbers.toSorted((a, b) => a - b);
  const at = (sorted.length - 1) * q;
  const low = Math.floor(at);
  const next = sorted[Math.min(low + 1, sorted.length - 1)];
  return sorted[low] + (next - sorted[low]) * (at - low);
}

function finite(number: number): number {
  if (Number.isFinite(number)) return number;
  throw new TypeError(`Cannot look for outliers: ${String(number)} is no finite number`);
}
