/**
 * A row of CSV as a value: a codec for streams whose records are rows (RFC 4180, and the dialects that differ from it).
 *
 * Files with a header are read by their source (`file:orders.csv`); here each record is a row without one.
 */

import type { TextCodec } from "../engine/codec.ts";

/** How rows are written. */
export interface CsvDialect {
  /** The names of the fields, in order. */
  readonly columns: readonly string[];
  /** What is between fields: one character. @default {","} */
  readonly delimiter?: string;
  /** What is around fields that hold a delimiter, a quote or a line break: one character. @default {'"'} */
  readonly quote?: string;
  /** What is before a quote within quotes. @default {the quote itself} */
  readonly escape?: string;
  /** What stands for an absent value, without quotes around it. @default {nothing does: fields are text} */
  readonly absent?: string;
}

/** The fields of a row by name. */
export type CsvRow = Readonly<Record<string, string | null>>;

/**
 * Rows as objects of text. A row must have as many fields as there are columns.
 *
 * @throws {TypeError} when the dialect contradicts itself
 * @example
 * ```ts
 * import { csv } from "@sluice/sluice/processor";
 *
 * const orders = csv({ columns: ["id", "note"], delimiter: ";" });
 * console.assert(orders.encode({ id: "1", note: 'a "big" one; really' }) === '1;"a ""big"" one; really"');
 * ```
 */
export function csv(dialect: CsvDialect): TextCodec<CsvRow, Readonly<Record<string, unknown>>> {
  const { columns, delimiter = ",", quote = '"', escape = quote, absent } = dialect;
  requireSingle({ delimiter, quote, escape });
  if (columns.length === 0 || new Set(columns).size < columns.length) {
    throw new TypeError(`Cannot use CSV columns ${JSON.stringify(columns)}: different names are wanted`);
  }
  const form = { delimiter, quote, escape, absent };
  return {
    kind: "text",
    name: "csv",
    decode(row) {
      const fields = splitRow(row, form);
      if (fields.length !== columns.length) {
        throw new TypeError(`the row has ${fields.length} fields, ${columns.length} are wanted`);
      }
      return Object.fromEntries(columns.map((name, i) => [name, fields[i]]));
    },
    encode: (value) => columns.map((name) => fieldText(value[name], name, form)).join(delimiter),
  };
}

interface Form {
  readonly delimiter: string;
  readonly quote: string;
  readonly escape: string;
  readonly absent: string | undefined;
}

function requireSingle(characters: Readonly<Record<string, string>>): void {
  for (const [what, character] of Object.entries(characters)) {
    if (character.length !== 1 || character === "\n" || character === "\r") {
      throw new TypeError(
        `Cannot use CSV ${what} ${JSON.stringify(character)}: one character is wanted, no line break`,
      );
    }
  }
  if (characters.delimiter === characters.quote || characters.delimiter === characters.escape) {
    throw new TypeError(`Cannot use CSV delimiter ${JSON.stringify(characters.delimiter)}: it is the quote as well`);
  }
}

function splitRow(row: string, form: Form): (string | null)[] {
  const fields: (string | null)[] = [];
  for (let at = 0;;) {
    const isQuoted = row[at] === form.quote;
    const [text, end] = isQuoted ? quotedField(row, at + 1, form) : plainField(row, at, form);
    fields.push(!isQuoted && text === form.absent ? null : text);
    if (end === row.length) return fields;
    if (row[end] !== form.delimiter) {
      throw new TypeError(`behind the quotes of field ${fields.length} comes ${JSON.stringify(row[end])}`);
    }
    at = end + 1;
  }
}

function plainField(row: string, from: number, { delimiter }: Form): [text: string, end: number] {
  const found = row.indexOf(delimiter, from);
  const end = found < 0 ? row.length : found;
  return [row.slice(from, end), end];
}

function quotedField(row: string, from: number, { quote, escape }: Form): [text: string, end: number] {
  let text = "";
  for (let at = from; at < row.length; at++) {
    const isEscape = row[at] === escape && (row[at + 1] === quote || (row[at + 1] === escape && escape !== quote));
    if (isEscape) text += row[++at];
    else if (row[at] === quote) return [text, at + 1];
    else text += row[at];
  }
  throw new TypeError("quotes are opened and not closed");
}

function fieldText(value: unknown, name: string, { delimiter, quote, escape, absent }: Form): string {
  if (value === null || value === undefined) {
    if (absent === undefined) {
      throw new TypeError(`Cannot write field ${name}: it is absent, and nothing stands for that`);
    }
    return absent;
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  const isPlain = text !== absent && !text.startsWith(quote) &&
    ![delimiter, quote, escape, "\n", "\r"].some((each) => text.includes(each));
  if (isPlain) return text;
  const escaped = escape === quote ? text : text.replaceAll(escape, escape + escape);
  return quote + escaped.replaceAll(quote, escape + quote) + quote;
}
