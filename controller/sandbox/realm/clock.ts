/** Every way to ask for the time: `Date`, `Temporal.Now`. `Intl` is in locale.ts. */

import { type AnyFunction, nowMs, replaceConstructor, setMethod, TIME_ZONE } from "./intrinsics.ts";

/** Replaces the clocks of the language by logical time. */
export function installClock(): void {
  replaceDate();
  makeDatesUtc();
  replaceTemporalNow();
}

function replaceDate(): void {
  const RealDate = Date;
  const realParse = RealDate.parse;
  const LogicalDate = function (...args: unknown[]): unknown {
    if (new.target === undefined) return new RealDate(nowMs("Date()")).toString();
    const target = new.target === LogicalDate ? RealDate : new.target;
    return Reflect.construct(RealDate, args.length === 0 ? [nowMs("new Date()")] : args, target);
  };
  const { now } = {
    now(): number {
      return nowMs("Date.now()");
    },
  };
  replaceConstructor(globalThis, "Date", RealDate as unknown as AnyFunction, LogicalDate as AnyFunction);
  for (const holder of [RealDate, LogicalDate]) {
    setMethod(holder, "now", now);
    setMethod(holder, "parse", realParse);
    setMethod(holder, "UTC", RealDate.UTC);
  }
}

const FIELDS = ["FullYear", "Month", "Date", "Day", "Hours", "Minutes", "Seconds", "Milliseconds"];

/** The process may have any TZ; its local time must not show. The engine sets TZ=UTC for what cannot be replaced. */
function makeDatesUtc(): void {
  const prototype = Date.prototype as unknown as Record<string, AnyFunction>;
  for (const field of FIELDS) {
    for (const act of ["get", "set"]) {
      const utc = prototype[`${act}UTC${field}`];
      if (utc) renameMethod(prototype, `${act}${field}`, utc);
    }
  }
  const { getTime, toUTCString } = Date.prototype;
  renameMethod(prototype, "getTimezoneOffset", function (this: Date) {
    return Number.isNaN(getTime.call(this)) ? NaN : 0;
  });
  const pattern = /^(\w+), (\d+) (\w+) (-?\d+) ([\d:]+) GMT$/;
  const parts = (date: Date): { readonly day: string; readonly time: string } | undefined => {
    const [, weekday, day, month, year, time] = pattern.exec(toUTCString.call(date)) ?? [];
    return weekday
      ? { day: `${weekday} ${month} ${day} ${year}`, time: `${time} GMT+0000 (Coordinated Universal Time)` }
      : undefined;
  };
  const INVALID = "Invalid Date";
  renameMethod(prototype, "toDateString", function (this: Date) {
    return parts(this)?.day ?? INVALID;
  });
  renameMethod(prototype, "toTimeString", function (this: Date) {
    return parts(this)?.time ?? INVALID;
  });
  renameMethod(prototype, "toString", function (this: Date) {
    const text = parts(this);
    return text ? `${text.day} ${text.time}` : INVALID;
  });
}

function renameMethod(prototype: Record<string, AnyFunction>, name: string, method: AnyFunction): void {
  const { [name]: named } = {
    [name](this: unknown, ...args: unknown[]): unknown {
      return Reflect.apply(method, this, args);
    },
  };
  setMethod(prototype, name, named);
}

interface TemporalLike {
  readonly Instant: { fromEpochMilliseconds(ms: number): { toZonedDateTimeISO(zone: unknown): ZonedLike } };
  readonly Now: object;
}

interface ZonedLike {
  toPlainDateTime(): unknown;
  toPlainDate(): unknown;
  toPlainTime(): unknown;
}

function replaceTemporalNow(): void {
  const temporal = (globalThis as { Temporal?: TemporalLike }).Temporal;
  if (!temporal) return;
  const instant = () => temporal.Instant.fromEpochMilliseconds(nowMs("Temporal.Now"));
  const zoned = (zone: unknown) => instant().toZonedDateTimeISO(zone ?? TIME_ZONE);
  const methods = {
    instant: () => instant(),
    timeZoneId: () => TIME_ZONE,
    zonedDateTimeISO: (zone?: unknown) => zoned(zone),
    plainDateTimeISO: (zone?: unknown) => zoned(zone).toPlainDateTime(),
    plainDateISO: (zone?: unknown) => zoned(zone).toPlainDate(),
    plainTimeISO: (zone?: unknown) => zoned(zone).toPlainTime(),
  };
  for (const [name, method] of Object.entries(methods)) setMethod(temporal.Now, name, method);
}
