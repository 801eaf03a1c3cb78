/**
 * Redaction: personal data out of a case, the same value always by the same mask.
 *
 * Fields are named; their values are masked in the records, and wherever else they turn up: in keys, state, answers of
 * effects, and messages. A mask keeps the kind of a value: text stays text, a number a number of as many digits. Masks
 * depend on a salt, so that values cannot be found by trying; with one that is given, several cases have the same masks.
 */

import { createHmac } from "node:crypto";
import { ABSENT, type Batch, offsetAt } from "../../engine/batch.ts";
import type { StateEntries } from "../../engine/state.ts";
import { JournalError } from "../journal/journal.ts";
import type { TaskState } from "../sandbox/protocol.ts";
import { entriesOf } from "../state_map.ts";

/** Masks what leaves in a case. All records come first: state and texts are searched for what was in them. */
export interface Redaction {
  readonly isOn: boolean;
  readonly fields: readonly string[];
  batch(batch: Batch): Batch;
  state(state: TaskState): TaskState;
  text(text: string): string;
}

/** Leaves everything as it is. */
export const NO_REDACTION: Redaction = {
  isOn: false,
  fields: [],
  batch: (batch) => batch,
  state: (state) => state,
  text: (text) => text,
};

/** Shorter texts are too common to be looked for inside others. */
const SEARCHED_UNITS_MIN = 3;

/** Masks the values of `fields`: names such as `email`, or paths such as `customer.name`. */
export class FieldRedaction implements Redaction {
  readonly isOn = true;
  readonly fields: readonly string[];
  readonly #salt: string;
  /** What was masked → its mask. */
  readonly #masks = new Map<string, string>();
  #search: RegExp | undefined;

  constructor(fields: readonly string[], salt: string) {
    this.fields = fields;
    this.#salt = salt;
  }

  /** @throws {JournalError} when a record is not JSON: what is in it cannot be known */
  batch(batch: Batch): Batch {
    const decoder = new TextDecoder();
    const parts: Uint8Array[] = [];
    const ranges = new Uint32Array(batch.ranges.length);
    let at = 0;
    const add = (field: number, text: string): void => {
      const bytes = new TextEncoder().encode(text);
      parts.push(bytes);
      ranges[field] = at;
      ranges[field + 1] = at += bytes.length;
    };
    const textAt = (field: number): string | undefined => {
      const start = batch.ranges[field];
      return start === ABSENT ? undefined : decoder.decode(batch.bytes.subarray(start, batch.ranges[field + 1]));
    };
    for (let row = 0; row < batch.count; row++) {
      const [key, value] = [textAt(4 * row), textAt(4 * row + 2)];
      const masked = value === undefined ? undefined : JSON.stringify(this.#mask(parseRecord(value, batch, row), []));
      if (key === undefined) ranges.fill(ABSENT, 4 * row, 4 * row + 2);
      else add(4 * row, this.text(key));
      if (masked === undefined) ranges.fill(ABSENT, 4 * row + 2, 4 * row + 4);
      else add(4 * row + 2, masked);
    }
    return { ...batch, bytes: joined(parts, at), ranges };
  }

  state({ state, timers }: TaskState): TaskState {
    return { state: this.#entries(state), timers: this.#entries(timers) };
  }

  text(text: string): string {
    const whole = this.#masks.get(text);
    if (whole !== undefined) return whole;
    this.#search ??= this.#searchForMasked();
    return text.replace(this.#search, (found) => this.#masks.get(found)!);
  }

  /** Longer texts first: one may be part of another. */
  #searchForMasked(): RegExp {
    const searched = [...this.#masks.keys()].filter((text) => text.length >= SEARCHED_UNITS_MIN);
    const byLength = searched.sort((a, b) => b.length - a.length).map(RegExp.escape);
    return new RegExp(byLength.length === 0 ? "(?!)" : byLength.join("|"), "g");
  }

  #entries(entries: StateEntries): StateEntries {
    let text = "";
    const lengths: number[] = [];
    for (const [key, json] of entriesOf(entries)) {
      const masked = this.text(key);
      const value = json === undefined ? undefined : JSON.stringify(this.#mask(JSON.parse(json), []));
      const shown = value === undefined ? "" : this.text(value);
      text += masked + shown;
      lengths.push(masked.length, value === undefined ? -1 : shown.length);
    }
    return { text, lengths: Int32Array.from(lengths) };
  }

  #mask(value: unknown, path: readonly string[]): unknown {
    if (Array.isArray(value)) return value.map((each) => this.#mask(each, path));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => {
        const inside = [...path, name];
        return [name, this.#isNamed(inside) ? this.#maskAll(each) : this.#mask(each, inside)];
      }),
    );
  }

  #isNamed(path: readonly string[]): boolean {
    const whole = path.join(".");
    return this.fields.some((field) => whole === field || whole.endsWith(`.${field}`));
  }

  #maskAll(value: unknown): unknown {
    if (typeof value === "string") return this.#maskText(value);
    if (typeof value === "number") return this.#maskNumber(value);
    if (Array.isArray(value)) return value.map((each) => this.#maskAll(each));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, this.#maskAll(each)]));
  }

  #maskText(value: string): string {
    if (value === "") return value;
    const mask = `masked-${this.#hash(value).slice(0, 10)}`;
    if (this.#masks.has(value)) return mask;
    this.#masks.set(value, mask);
    this.#search = undefined;
    return mask;
  }

  #maskNumber(value: number): number {
    const digits = String(Math.trunc(Math.abs(value))).length;
    if (!Number.isFinite(value) || digits > 15) return 0;
    const low = 10 ** (digits - 1);
    return low + Number(BigInt(`0x${this.#hash(String(value)).slice(0, 13)}`) % BigInt(9 * low));
  }

  #hash(value: string): string {
    return createHmac("sha256", this.#salt).update(value).digest("hex");
  }
}

function parseRecord(text: string, batch: Batch, row: number): unknown {
  try {
    return JSON.parse(text);
  } catch {
    const place = `${batch.stream}/${batch.partition}@${offsetAt(batch, row)}`;
    throw new JournalError(
      `Cannot redact ${place}: it is not JSON, so its fields are not known; export without --redact`,
      {
        code: "E_NOT_REDACTABLE",
      },
    );
  }
}

function joined(parts: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
