/**
 * `quantiles`: medians and percentiles of many values in little space, most exact at both ends.
 *
 * The merging t-digest (Dunning and Ertl, "Computing Extremely Accurate Quantiles Using t-Digests", 2019) with scale
 * function k1 and compression 100: about 100 centroids, whatever the number of values. Deterministic: nothing is
 * shuffled. docs/decisions/0015 says why it is no library.
 */

import { type Aggregate, aggregate } from "./aggregate.ts";
import { isAbsent } from "./count.ts";

type Centroid = readonly [mean: number, weight: number];

interface Digest {
  readonly centroids: readonly Centroid[];
  /** Values that are not merged yet. */
  readonly recent: readonly number[];
  readonly least: number | null;
  readonly greatest: number | null;
}

const COMPRESSION = 100;
const RECENT_MAX = 100;

/** Quantile → its name in the result: 0.99 is `p99`. */
export type Quantiles = Readonly<Record<string, number | null>>;

/** The quantiles `wanted`, such as `[0.5, 0.99]`, as `{ p50, p99 }`; null without a value. */
export function quantiles<In>(
  of: (value: In) => number | null | undefined,
  wanted: readonly number[],
): Aggregate<In, Quantiles> {
  const wrong = wanted.find((q) => !(q >= 0 && q <= 1));
  if (wrong !== undefined) throw new TypeError(`Cannot compute quantile ${wrong}: a number from 0 to 1 is wanted`);
  return aggregate<In, Quantiles, Digest>({
    kind: "quantiles",
    create: () => ({ centroids: [], recent: [], least: null, greatest: null }),
    add(state, value) {
      const found = of(value);
      return isAbsent(found) ? state : added(state, found);
    },
    merge: (a, b) => ({
      centroids: compress([...a.centroids, ...b.centroids, ...[...a.recent, ...b.recent].map(single)]),
      recent: [],
      least: extreme(Math.min, a.least, b.least),
      greatest: extreme(Math.max, a.greatest, b.greatest),
    }),
    result: (state) => Object.fromEntries(wanted.map((q) => [nameOf(q), quantile(state, q)])),
  });
}

function added({ centroids, recent, least, greatest }: Digest, value: number): Digest {
  if (!Number.isFinite(value)) throw new TypeError(`Cannot aggregate ${value}: a finite number is wanted`);
  const bounds = { least: extreme(Math.min, least, value), greatest: extreme(Math.max, greatest, value) };
  const more = [...recent, value];
  if (more.length < RECENT_MAX) return { centroids, recent: more, ...bounds };
  return { centroids: compress([...centroids, ...more.map(single)]), recent: [], ...bounds };
}

function single(value: number): Centroid {
  return [value, 1];
}

function extreme(choose: (a: number, b: number) => number, a: number | null, b: number | null): number | null {
  return a === null ? b : b === null ? a : choose(a, b);
}

/** Merges neighbours as long as they stay within one unit of the scale function. */
function compress(centroids: readonly Centroid[]): Centroid[] {
  const sorted = centroids.toSorted(([a], [b]) => a - b);
  const total = sorted.reduce((sum, [, weight]) => sum + weight, 0);
  const merged: Centroid[] = [];
  let before = 0;
  let limit = total * quantileAt(scaleOf(0) + 1);
  for (const [mean, weight] of sorted) {
    const last = merged.at(-1);
    if (last && before + last[1] + weight <= limit) {
      const sum = last[1] + weight;
      merged[merged.length - 1] = [last[0] + (mean - last[0]) * weight / sum, sum];
      continue;
    }
    before += last?.[1] ?? 0;
    limit = total * quantileAt(scaleOf(before / total) + 1);
    merged.push([mean, weight]);
  }
  return merged;
}

function scaleOf(q: number): number {
  return COMPRESSION / (2 * Math.PI) * Math.asin(2 * Math.min(1, q) - 1);
}

function quantileAt(scale: number): number {
  return (Math.sin(Math.min(scale * 2 * Math.PI / COMPRESSION, Math.PI / 2)) + 1) / 2;
}

function quantile(state: Digest, q: number): number | null {
  const { least, greatest } = state;
  if (least === null || greatest === null) return null;
  const centroids = [...state.centroids, ...state.recent.map(single)].sort(([a], [b]) => a - b);
  const total = centroids.reduce((sum, [, weight]) => sum + weight, 0);
  const rank = q * total;
  // Between the middles of two neighbours the quantile runs straight; beyond the outermost, to the extremes.
  let [fromRank, fromValue] = [0, least];
  let seen = 0;
  for (const [mean, weight] of centroids) {
    const middle = seen + weight / 2;
    if (rank < middle) return between(fromValue, mean, (rank - fromRank) / (middle - fromRank));
    [fromRank, fromValue] = [middle, mean];
    seen += weight;
  }
  return between(fromValue, greatest, total === fromRank ? 1 : (rank - fromRank) / (total - fromRank));
}

function between(a: number, b: number, share: number): number {
  return a + (b - a) * Math.min(1, Math.max(0, share));
}

function nameOf(q: number): string {
  return `p${Number((q * 100).toFixed(6))}`;
}
