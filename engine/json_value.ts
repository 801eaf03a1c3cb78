/**
 * The values that state can hold: JSON, strictly.
 *
 * What a live run reads back must be what a replay from a snapshot reads back. So a value is stored as its JSON text at
 * once, and one that JSON would change silently (NaN, Date, Map, bigint, class instances) is refused with its path.
 */

/** What `value` is, for a message. */
export function describe(value: unknown): string {
  if (value === null) return "null";
  if (typeof value === "number" || typeof value === "boolean" || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const name = Object.getPrototypeOf(value)?.constructor?.name;
  if (typeof name !== "string" || name === "") return "an object without a prototype";
  return `${/^[AEIOU]/.test(name) ? "an" : "a"} ${name}`;
}

/**
 * The JSON text of `value`.
 *
 * @throws {TypeError} when JSON cannot carry the value unchanged; the message names the path inside it
 */
export function toStrictJson(value: unknown, subject: string): string {
  checkJson(value, subject, "value", 0);
  return JSON.stringify(value);
}

const DEPTH_MAX = 200;

function checkJson(value: unknown, subject: string, path: string, depth: number): void {
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (typeof value !== "object") throw notJson(value, subject, path);
  if (depth > DEPTH_MAX) throw new TypeError(`Cannot ${subject}: ${path} is nested deeper than ${DEPTH_MAX} levels`);
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) checkJson(value[i], subject, `${path}[${i}]`, depth + 1);
    return;
  }
  const prototype = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null) throw notJson(value, subject, path);
  const members = value as Readonly<Record<string, unknown>>;
  for (const name in members) {
    const member = members[name];
    if (member !== undefined) checkJson(member, subject, `${path}.${name}`, depth + 1);
  }
}

function notJson(value: unknown, subject: string, path: string): TypeError {
  return new TypeError(
    `Cannot ${subject}: ${path} is ${
      describe(value)
    }, a JSON value is wanted (store a Date as its number, a Map as entries)`,
  );
}
