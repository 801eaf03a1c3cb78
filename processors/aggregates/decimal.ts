/**
 * Exact sums: whole numbers of any size, and decimal fractions as they are written. 0.1 + 0.2 is 0.3.
 *
 * A sum is a number as long as it is a safe integer, which is cheap; beyond that, or with a fraction, it is decimal text.
 * A number stands for the shortest decimal that reads as this number: what JSON says.
 */

/** A number in a sum. */
export type Numeric = number | bigint | string;

/** An exact number at rest. */
export type Exact = number | string;

/** `sum + value`, exactly. */
export function addExact(sum: Exact, value: Numeric): Exact {
  if (typeof sum === "number" && typeof value === "number") {
    const plain = sum + value;
    if (Number.isSafeInteger(plain) && Number.isSafeInteger(value)) return plain;
  }
  const a = parse(sum);
  const b = parse(value);
  const scale = Math.max(a.scale, b.scale);
  return format(a.digits * 10n ** BigInt(scale - a.scale) + b.digits * 10n ** BigInt(scale - b.scale), scale);
}

/** The number nearest to `exact`. */
export function toNumber(exact: Exact): number {
  return Number(exact);
}

/** `exact` as decimal text. */
export function toText(exact: Exact): string {
  const { digits, scale } = parse(exact);
  return String(format(digits, scale));
}

interface Decimal {
  readonly digits: bigint;
  /** How many of them come after the point. */
  readonly scale: number;
}

const FORM = /^([+-]?)(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d+))?$/;
/** Beyond, a sum would take more memory than any number of use. */
const SCALE_MAX = 400;

function parse(value: Numeric): Decimal {
  if (typeof value === "bigint") return { digits: value, scale: 0 };
  const [, sign, whole, fraction = "", exponent = "0"] = FORM.exec(String(value)) ?? [];
  if (whole === undefined || Math.abs(Number(exponent)) > SCALE_MAX) {
    throw new TypeError(`Cannot add ${JSON.stringify(String(value))}: a decimal number is wanted`);
  }
  const digits = BigInt(sign + whole + fraction);
  const scale = fraction.length - Number(exponent);
  return scale >= 0 ? { digits, scale } : { digits: digits * 10n ** BigInt(-scale), scale: 0 };
}

function format(digits: bigint, scale: number): Exact {
  let [left, places] = [digits, scale];
  while (places > 0 && left % 10n === 0n) {
    left /= 10n;
    places--;
  }
  if (places === 0) {
    const plain = Number(left);
    return Number.isSafeInteger(plain) ? plain : String(left);
  }
  const text = String(left < 0n ? -left : left).padStart(places + 1, "0");
  return `${left < 0n ? "-" : ""}${text.slice(0, -places)}.${text.slice(-places)}`;
}
