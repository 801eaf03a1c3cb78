/**
 * Conditions over JSON values, as JSON.
 *
 * `{ "country": "DE", "cents": { "gt": 1000 } }` holds when every field complies. A field is compared with a value, or
 * by `eq`, `ne`, `gt`, `ge`, `lt`, `le`, `in` or `exists`. `{ "any": [ … ] }` and `{ "not": … }` combine conditions.
 */

import { fieldAt, isObject } from "./field.ts";

/** Whether a value complies. */
export type Condition = (value: unknown) => boolean;

type Comparison = (field: unknown, wanted: unknown) => boolean;

const COMPARISONS: Readonly<Record<string, Comparison>> = {
  eq: isSame,
  ne: (field, wanted) => !isSame(field, wanted),
  gt: ordered((order) => order > 0),
  ge: ordered((order) => order >= 0),
  lt: ordered((order) => order < 0),
  le: ordered((order) => order <= 0),
  in: (field, wanted) => Array.isArray(wanted) && wanted.some((one) => isSame(field, one)),
  exists: (field, wanted) => (field !== undefined) === wanted,
};

/**
 * Compiles a condition.
 *
 * @throws {TypeError} when it is none
 */
export function compileCondition(condition: unknown): Condition {
  if (!isObject(condition)) {
    throw new TypeError(
      `Cannot use condition ${JSON.stringify(condition)}: an object is wanted, such as {"country":"DE"}`,
    );
  }
  const parts = Object.entries(condition).map(([name, wanted]) => compilePart(name, wanted));
  return (value) => parts.every((part) => part(value));
}

function compilePart(name: string, wanted: unknown): Condition {
  if (name === "not") {
    const negated = compileCondition(wanted);
    return (value) => !negated(value);
  }
  if (name === "any") {
    if (!Array.isArray(wanted)) throw new TypeError('Cannot use condition "any": an array of conditions is wanted');
    const alternatives = wanted.map(compileCondition);
    return (value) => alternatives.some((alternative) => alternative(value));
  }
  if (!isObject(wanted)) return (value) => isSame(fieldAt(value, name), wanted);
  const comparisons = Object.entries(wanted).map(([operator, operand]) => compileComparison(name, operator, operand));
  return (value) => comparisons.every((comparison) => comparison(fieldAt(value, name)));
}

function compileComparison(name: string, operator: string, operand: unknown): Condition {
  if (!Object.hasOwn(COMPARISONS, operator)) {
    const known = Object.keys(COMPARISONS).join(", ");
    throw new TypeError(`Cannot compare ${name} by ${operator}: known are ${known}`);
  }
  const compare = COMPARISONS[operator];
  return (field) => compare(field, operand);
}

function isSame(a: unknown, b: unknown): boolean {
  return a === b || (typeof a === "object" && JSON.stringify(a) === JSON.stringify(b));
}

/** Numbers with numbers and text with text; anything else is not ordered, and complies with nothing. */
function ordered(holds: (order: number) => boolean): Comparison {
  return (field, wanted) => {
    if (typeof field === "number" && typeof wanted === "number") return holds(field - wanted);
    if (typeof field !== "string" || typeof wanted !== "string") return false;
    return holds(field < wanted ? -1 : field > wanted ? 1 : 0);
  };
}
