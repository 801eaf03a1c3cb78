/**
 * `variance`, `deviation` and `correlation` in one pass.
 *
 * Welford (1962) for adding; Chan, Golub and LeVeque (1979) for merging. They lose no digits where the naive sum of
 * squares loses all.
 */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";

/** The number of a value; absent ones are passed over. */
export type NumberOf<In> = (value: In) => number | null | undefined;

type Moments = [n: number, mean: number, squares: number];

/** The sample variance; null for fewer than two values. */
export function variance<In>(of: NumberOf<In>): Aggregate<In, number | null> {
  return aggregate<In, number | null, Moments>({ ...moments(of), kind: "variance", result: sampleVariance });
}

/** The sample standard deviation; null for fewer than two values. */
export function deviation<In>(of: NumberOf<In>): Aggregate<In, number | null> {
  return aggregate<In, number | null, Moments>({
    ...moments(of),
    kind: "deviation",
    result(state) {
      const found = sampleVariance(state);
      return found === null ? null : Math.sqrt(found);
    },
  });
}

type CoMoments = [n: number, meanX: number, meanY: number, squaresX: number, squaresY: number, products: number];

/** Pearson's correlation of two fields; null for fewer than two values, and where one of them is constant. */
export function correlation<In>(ofX: NumberOf<In>, ofY: NumberOf<In>): Aggregate<In, number | null> {
  return aggregate<In, number | null, CoMoments>({
    kind: "correlation",
    create: () => [0, 0, 0, 0, 0, 0],
    add(state, value) {
      const [x, y] = [ofX(value), ofY(value)];
      return isAbsent(x) || isAbsent(y) ? state : mergeCoMoments(state, [1, finite(x), finite(y), 0, 0, 0]);
    },
    merge: mergeCoMoments,
    result([n, , , squaresX, squaresY, products]) {
      if (n < 2 || squaresX === 0 || squaresY === 0) return null;
      return Math.max(-1, Math.min(1, products / Math.sqrt(squaresX) / Math.sqrt(squaresY)));
    },
  });
}

function moments<In>(of: NumberOf<In>) {
  return {
    create: (): Moments => [0, 0, 0],
    add([n, mean, squares]: Moments, value: In): Moments {
      const x = of(value);
      if (isAbsent(x)) return [n, mean, squares];
      const delta = finite(x) - mean;
      const moved = mean + delta / (n + 1);
      return [n + 1, moved, squares + delta * (x - moved)];
    },
    merge(a: Moments, b: Moments): Moments {
      const n = a[0] + b[0];
      if (n === 0) return a;
      const delta = b[1] - a[1];
      return [n, a[1] + delta * b[0] / n, a[2] + b[2] + delta * delta * a[0] * b[0] / n];
    },
  };
}

function mergeCoMoments(a: CoMoments, b: CoMoments): CoMoments {
  const n = a[0] + b[0];
  if (n === 0) return a;
  const [dx, dy] = [b[1] - a[1], b[2] - a[2]];
  const share = a[0] * b[0] / n;
  return [
    n,
    a[1] + dx * b[0] / n,
    a[2] + dy * b[0] / n,
    a[3] + b[3] + dx * dx * share,
    a[4] + b[4] + dy * dy * share,
    a[5] + b[5] + dx * dy * share,
  ];
}

function sampleVariance([n, , squares]: Moments): number | null {
  return n < 2 ? null : squares / (n - 1);
}

function finite(value: number): number {
  if (Number.isFinite(value)) return value;
  throw new TypeError(`Cannot aggregate ${String(value)}: a finite number is wanted`);
}
