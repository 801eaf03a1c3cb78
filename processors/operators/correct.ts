/**
 * `correct`: fields put into one form: dates, numbers, text. What has no such form is rejected. Nothing is remembered.
 */

import type { Operator } from "../pipeline/operator.ts";
import { reject, type Rejected } from "./rejected.ts";

/** Puts a value into its form, or throws. */
export type Correction<Out> = (value: unknown) => Out;

/** Field → how it is put into its form. */
export type Corrections = Readonly<Record<string, Correction<unknown>>>;

/** An element with its corrected fields. */
export type Corrected<In, C extends Corrections> =
  & Omit<In, keyof C>
  & { readonly [Name in keyof C]: ReturnType<C[Name]> };

/** Corrects fields; elements that cannot be corrected go to `rejects`, where nobody takes them their record fails. */
export function correct<In extends object, C extends Corrections>(
  corrections: C,
): Operator<In, Corrected<In, C>, { readonly rejects: Rejected<In> }> {
  const fields = Object.entries(corrections);
  return {
    kind: "correct",
    detail: fields.map(([name]) => name).join(", "),
    open(scope, down) {
      const rejects = scope.side<Rejected<In>>("rejects");
      return {
        push(value, key, timeMs) {
          const corrected = { ...value } as Record<string, unknown>;
          const reasons: string[] = [];
          for (const [name, correction] of fields) {
            try {
              corrected[name] = correction(corrected[name]);
            } catch (error) {
              reasons.push(`${name}: ${(error as Error).message}`);
            }
          }
          if (reasons.length > 0) return reject(scope, rejects, { value, reasons }, { key, timeMs });
          down.push(corrected as Corrected<In, C>, key, timeMs);
        },
        advance: (watermarkMs) => down.advance(watermarkMs),
      };
    },
  };
}

/** How numbers are written. */
export interface NumberForm {
  /** What is before the fraction. @default {"."} */
  readonly decimal?: "." | ",";
}

/** A number, also from text: spaces, signs of thousands and a leading currency sign do not matter. */
export function asNumber({ decimal = "." }: NumberForm = {}): Correction<number> {
  const thousands = decimal === "." ? /[,'\s\u00a0\u202f]/g : /[.'\s\u00a0\u202f]/g;
  return (value) => {
    if (typeof value === "number" && Number.isFinite(value)) return value;
    const text = typeof value === "string" ? value.trim().replace(/^[€$£¥]\s*|\s*[€$£¥]$/g, "") : "";
    const plain = text.replace(thousands, "").replace(decimal, ".");
    if (!/^[+-]?\d+(\.\d+)?([eE][+-]?\d+)?$/.test(plain)) throw new TypeError(`${JSON.stringify(value)} is no number`);
    return Number(plain);
  };
}

/** How dates are written. */
export interface DateForm {
  /** The order of day, month and year in dates like 3.4.2026. @default {refused, as it cannot be known} */
  readonly order?: "dmy" | "mdy";
  /** The time zone of times that name none: a name of the IANA database. @default {"UTC"} */
  readonly zone?: string;
}

/** A time as ISO 8601 in UTC, from milliseconds, seconds (below 10 billion), ISO 8601, or a date with `order`. */
export function asDate({ order, zone = "UTC" }: DateForm = {}): Correction<string> {
  return (value) => {
    if (typeof value === "number" && Number.isFinite(value)) {
      return new Date(Math.abs(value) < 1e10 ? value * 1000 : value).toISOString();
    }
    const text = typeof value === "string" ? value.trim() : "";
    return new Date(readDate(text, order, zone)).toISOString();
  };
}

function readDate(text: string, order: DateForm["order"], zone: string): number {
  const iso = order === undefined ? text : isoDate(text, order);
  if (/(?:Z|[+-]\d\d:?\d\d)$/i.test(iso) && /T|\s/.test(iso)) {
    const timeMs = Date.parse(iso.replace(" ", "T"));
    if (Number.isFinite(timeMs)) return timeMs;
  }
  try {
    return Temporal.PlainDateTime.from(iso.replace(" ", "T")).toZonedDateTime(zone).epochMilliseconds;
  } catch {
    throw new TypeError(`${JSON.stringify(text)} is no date${order === undefined ? " of ISO 8601" : ""}`);
  }
}

function isoDate(text: string, order: "dmy" | "mdy"): string {
  const [, first, second, year, rest = ""] = /^(\d{1,2})[./-](\d{1,2})[./-](\d{4})(.*)$/.exec(text) ?? [];
  if (year === undefined) return text;
  const [day, month] = order === "dmy" ? [first, second] : [second, first];
  return `${year}-${month.padStart(2, "0")}-${day.padStart(2, "0")}${rest}`;
}

/** Text without spaces around it, and with single ones inside. */
export function asText({ letters }: { readonly letters?: "lower" | "upper" } = {}): Correction<string> {
  return (value) => {
    if (typeof value !== "string" && typeof value !== "number") {
      throw new TypeError(`${JSON.stringify(value)} is no text`);
    }
    const text = String(value).normalize("NFC").trim().replace(/\s+/g, " ");
    return letters === "lower" ? text.toLowerCase() : letters === "upper" ? text.toUpperCase() : text;
  };
}
