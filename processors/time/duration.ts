/** Durations as people write them: `"5m"`, `"1h30m"`, `"250ms"`, or milliseconds. */

/** Milliseconds, or text such as `"250ms"`, `"30s"`, `"5m"`, `"1h30m"`, `"7d"`. */
export type Duration = number | string;

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/**
 * A duration in milliseconds.
 *
 * @throws {TypeError} when it is none, or negative
 */
export function durationMs(duration: Duration): number {
  if (typeof duration === "number" && Number.isFinite(duration) && duration >= 0) return duration;
  const parts = typeof duration === "string" ? [...duration.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)] : [];
  if (parts.length === 0 || parts.map(([part]) => part).join("") !== duration) throw noDuration(duration);
  return parts.reduce((sum, [, count, unit]) => sum + Number(count) * UNITS_MS[unit], 0);
}

/** A duration of at least a millisecond, whole milliseconds. */
export function positiveMs(duration: Duration, subject: string): number {
  const timeMs = durationMs(duration);
  if (Number.isInteger(timeMs) && timeMs > 0) return timeMs;
  throw new TypeError(`Cannot use ${subject} ${JSON.stringify(duration)}: whole milliseconds above 0 are wanted`);
}

function noDuration(duration: unknown): TypeError {
  return new TypeError(
    `Cannot use duration ${JSON.stringify(duration)}: milliseconds or text such as "30s", "5m", "1h30m" is wanted`,
  );
}
