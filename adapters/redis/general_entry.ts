/** Entries that are more than a value and a key: with headers, an id of their own, or fields from a JSON object. */

import { type Header, headersFromJson } from "../../engine/headers.ts";
import { idOf as entryId, offsetOf } from "./protocol/entries.ts";
import type { RedisTarget } from "./targets.ts";

/** An output, its payload decoded. */
export interface GeneralOutput {
  readonly target: RedisTarget;
  readonly key: string | null;
  readonly value: string | null;
  /** As `headersToJson` made them. */
  readonly headers: string | undefined;
}

/** What an entry is made of. */
export interface GeneralEntry {
  /** Undefined when the server gives one. */
  readonly id: string | undefined;
  /** Names and values in turn. */
  readonly words: readonly (string | Uint8Array)[];
}

/** Why an output cannot become an entry; ends a sentence. */
export class NoEntry extends Error {
  override readonly name = "NoEntry";
  readonly code: string;

  constructor(code: string, reason: string) {
    super(reason);
    this.code = code;
  }
}

const ID = /^\d{1,20}-\d{1,20}$/;
const PART_MAX = (1n << 64n) - 1n;
/** The script hands an entry's words to XADD by `unpack`, which takes 8,000. */
const WORDS_MAX = 7_000;

/** The entry of `output`. @throws {NoEntry} */
export function generalEntry({ target, key, value, headers }: GeneralOutput): GeneralEntry {
  const { fields, idHeader } = target;
  const all = headers === undefined ? [] : headersFromJson(headers);
  const id = idHeader === undefined ? undefined : idOf(all, idHeader);
  const words: (string | Uint8Array)[] = [];
  if (value !== null) {
    if (fields.value === undefined) words.push(...membersOf(value));
    else words.push(fields.value, value);
  }
  if (key !== null && fields.key !== undefined) words.push(fields.key, key);
  const others = all.filter(({ name }) => name !== idHeader);
  for (const { name, value: text } of others) words.push(...fieldOf(target, name, text));
  if (words.length > WORDS_MAX) {
    throw new NoEntry("E_TOO_MANY_FIELDS", `it has ${words.length / 2} fields, ${WORDS_MAX / 2} at most are wanted`);
  }
  return { id, words };
}

function fieldOf({ fields }: RedisTarget, name: string, value: Uint8Array | null): readonly (string | Uint8Array)[] {
  if (name === fields.value || name === fields.key) {
    throw new NoEntry("E_HEADER_NAME", `its header ${name} has the name of the field for its value or key`);
  }
  return value === null ? [] : [name, value];
}

function idOf(headers: readonly Header[], name: string): string {
  const value = headers.find((header) => header.name === name)?.value;
  const id = value && new TextDecoder().decode(value);
  // Without leading zeros: the script compares texts.
  if (id && isId(id)) return entryId(offsetOf(id));
  const found = id ? `is ${id}` : "is missing";
  throw new NoEntry("E_ENTRY_ID", `its header ${name}, which has its id, ${found}; milliseconds-sequence is wanted`);
}

/** What XADD takes: two numbers of 64 bits, not both 0. */
function isId(text: string): boolean {
  if (!ID.test(text)) return false;
  const parts = text.split("-").map(BigInt);
  return parts.every((part) => part <= PART_MAX) && parts.some((part) => part > 0n);
}

function membersOf(value: string): readonly string[] {
  const object: unknown = JSON.parse(value);
  if (typeof object !== "object" || object === null || Array.isArray(object)) {
    throw new NoEntry("E_NO_OBJECT", "its value is no object, and field=* makes fields of an object's members");
  }
  return Object.entries(object).flatMap(([name, member]) => [
    name,
    typeof member === "string" ? member : JSON.stringify(member),
  ]);
}
