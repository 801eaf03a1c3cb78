/** Calendar windows: hours, days, weeks, months and years as a clock on the wall of a time zone shows them. */

import type { AlignedWindows, Slice } from "./windows.ts";

/** The units of a calendar. Weeks begin on Monday (ISO 8601). */
export type CalendarUnit = "hour" | "day" | "week" | "month" | "year";

/** Which calendar. */
export interface CalendarOptions {
  /** A time zone of the IANA database, such as `Europe/Berlin`. @default {"UTC"} */
  readonly zone?: string;
}

/** Zones have been off by whole seconds at least since there are zones. */
const GRAIN_MS = 1000;

/**
 * Windows of a calendar unit in a time zone. A day on which clocks change has 23 or 25 hours; the hour that occurs twice
 * is two windows.
 *
 * @throws {RangeError} when the time zone is unknown
 */
export function calendar(unit: CalendarUnit, { zone = "UTC" }: CalendarOptions = {}): AlignedWindows {
  const known = "hour day week month year".split(" ");
  if (!known.includes(unit)) {
    throw new TypeError(`Cannot use calendar unit ${JSON.stringify(unit)}: known are ${known.join(", ")}`);
  }
  requireZone(zone);
  // Most elements are in the slice of the one before them.
  let last: Slice = { startMs: 0, endMs: 0 };
  const sliceAt = (timeMs: number): Slice => {
    if (timeMs < last.startMs || timeMs >= last.endMs) last = unitAt(timeMs, unit, zone);
    return last;
  };
  return {
    kind: "aligned",
    detail: `calendar ${unit} in ${zone}`,
    grainMs: GRAIN_MS,
    sliceAt,
    endsOf: (startMs) => [sliceAt(startMs).endMs],
    slicesOf: (endMs) => [sliceAt(endMs - 1).startMs],
  };
}

function requireZone(zone: string): void {
  try {
    at(0, zone);
  } catch {
    throw new RangeError(
      `Cannot use time zone ${JSON.stringify(zone)}: it is unknown, a name such as Europe/Berlin is wanted`,
    );
  }
}

function unitAt(timeMs: number, unit: CalendarUnit, zone: string): Slice {
  const time = at(timeMs, zone);
  // Hours follow the clock's own beat: where it is set back, the second hour of the same name is one of its own.
  if (unit === "hour") {
    const start = time.round({ smallestUnit: "hour", roundingMode: "floor" });
    return { startMs: start.epochMilliseconds, endMs: start.add({ hours: 1 }).epochMilliseconds };
  }
  const start = firstDay(time.toPlainDate(), unit);
  const next = start.add({ [`${unit}s`]: 1 });
  return { startMs: startOf(start, zone), endMs: startOf(next, zone) };
}

function firstDay(date: Temporal.PlainDate, unit: Exclude<CalendarUnit, "hour">): Temporal.PlainDate {
  switch (unit) {
    case "day":
      return date;
    case "week":
      return date.subtract({ days: date.dayOfWeek - 1 });
    case "month":
      return date.with({ day: 1 });
    case "year":
      return date.with({ month: 1, day: 1 });
    default:
      return unit satisfies never;
  }
}

/** Where the day begins; not at midnight where clocks change then. */
function startOf(date: Temporal.PlainDate, zone: string): number {
  return date.toZonedDateTime(zone).epochMilliseconds;
}

function at(timeMs: number, zone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(Math.floor(timeMs)).toZonedDateTimeISO(zone);
}
