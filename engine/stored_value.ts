/** Values of the state at rest: primitives as they are, objects and arrays as their JSON text. */

import { toStrictJson } from "./json_value.ts";
import { jsonOf, type Owner, ownerOf, withOwner } from "./owner.ts";

type Primitive = string | number | boolean | null;

/** An object or array at rest. */
export class Packed {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

/** A value at rest; undefined where there is none. */
export type Stored = Primitive | Packed | undefined;

/** Shorter parts of a text are copies. */
const VIEW_UNITS_MIN = 13;

/** A fresh copy of the value. */
export function unstored(stored: Stored): unknown {
  return typeof stored === "object" && stored !== null ? JSON.parse(stored.json) : stored;
}

/**
 * The value at rest.
 *
 * @throws {TypeError} when JSON cannot carry the value unchanged
 */
export function storedOf(value: unknown, prefix: string, rest: string): Stored {
  // Adding 0 makes negative zero, which JSON does not have, the other one.
  if (typeof value === "number" && Number.isFinite(value)) return value + 0;
  const json = toStrictJson(value, `set state ${JSON.stringify(prefix + rest)}`);
  if (typeof value === "object" && value !== null) return new Packed(json);
  return typeof value === "string" ? ownText(value) : value as Primitive;
}

/** The JSON of a value at rest. */
export function jsonOfStored(stored: Exclude<Stored, undefined>): string {
  if (typeof stored === "number") return "" + stored;
  return typeof stored === "object" && stored !== null ? stored.json : JSON.stringify(stored);
}

/** The text of an entry, in changes and copies. */
export function entryText(stored: Stored, owner: Owner): string | undefined {
  if (stored === undefined) return undefined;
  const json = jsonOfStored(stored);
  return owner === undefined ? json : withOwner(json, owner);
}

/** What {@linkcode entryText} made a text of. */
export function parseEntry(text: string): { readonly stored: Stored; readonly owner: Owner } {
  const json = jsonOf(text);
  const first = json.charCodeAt(0);
  const isObject = first === 0x7b || first === 0x5b;
  return { stored: isObject ? new Packed(ownText(json)) : JSON.parse(json) as Primitive, owner: ownerOf(text) };
}

/**
 * A copy that shares no memory. What V8 cuts out of a text (from thirteen code units on) is a view that keeps the whole
 * of it: a part of a record, kept for years, would keep everything that was read with it.
 */
export function ownText(text: string): string {
  return text.length < VIEW_UNITS_MIN ? text : JSON.parse(JSON.stringify(text)) as string;
}
