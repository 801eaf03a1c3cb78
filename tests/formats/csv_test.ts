/** Rows of CSV: whatever the values and however the file is cut into chunks, offsets are positions in the file. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { offsetAt } from "../../engine/batch.ts";
import { columnsOf, findRows, rowsAsJson } from "../../formats/csv.ts";
import { batchOfLines } from "../../formats/lines.ts";

const ORIGIN = { stream: "s", partition: "0" };

function quoted(field: string): string {
  return /[",\r\n]/.test(field) || field.trim() !== field || field === "" ? `"${field.replaceAll('"', '""')}"` : field;
}

/** Reads `bytes` in chunks of `size`, growing as the file source does. */
function readRows(
  bytes: Uint8Array<ArrayBuffer>,
  size: number,
  recordsMax: number,
): { offset: bigint; json: string }[] {
  const rows: { offset: bigint; json: string }[] = [];
  const decoder = new TextDecoder();
  let at = 0;
  for (let read = size; at < bytes.length;) {
    const chunk = { bytes: bytes.slice(at, at + read), position: BigInt(at) };
    const isAtEnd = at + read >= bytes.length;
    const lines = findRows(chunk, recordsMax, isAtEnd);
    if (lines.count === 0 && isAtEnd) break;
    if (lines.count === 0) {
      read *= 2;
      continue;
    }
    const batch = rowsAsJson(batchOfLines(chunk, lines, ORIGIN), ["a", "b"]);
    for (let row = 0; row < batch.count; row++) {
      const json = decoder.decode(batch.bytes.subarray(batch.ranges[4 * row + 2], batch.ranges[4 * row + 3]));
      rows.push({ offset: offsetAt(batch, row), json });
    }
    at = Number(batch.next);
    read = size;
  }
  return rows;
}

Deno.test("rows come out as they went in, at their positions, however the file is cut into chunks", () => {
  const field = fc.string({ unit: fc.constantFrom("a", "é", '"', ",", "\n", "\r", " ", "x") });
  fc.assert(
    fc.property(
      fc.array(fc.tuple(field, field), { maxLength: 12 }),
      fc.integer({ min: 1, max: 40 }),
      fc.integer({ min: 1, max: 5 }),
      fc.constantFrom("\n", "\r\n"),
      (rows, size, recordsMax, lineEnd) => {
        let text = "";
        const expected = rows.map(([a, b]) => {
          const offset = BigInt(new TextEncoder().encode(text).length);
          text += `${quoted(a)},${quoted(b)}${lineEnd}`;
          return { offset, json: JSON.stringify({ a, b }) };
        });
        assertEquals(readRows(new TextEncoder().encode(text), size, recordsMax), expected);
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("a row that is no CSV stays as it is, and its neighbours are not harmed", () => {
  const text = 'one,1\nbroken "quote,2\ntoo,many,fields\nlast,4\n';
  assertEquals(readRows(new TextEncoder().encode(text), 100, 10).map(({ json }) => json), [
    '{"a":"one","b":"1"}',
    'broken "quote,2',
    "too,many,fields",
    '{"a":"last","b":"4"}',
  ]);
});

Deno.test("the names of a header may be quoted", () => {
  assertEquals(columnsOf(new TextEncoder().encode('"first, last",b')), ["first, last", "b"]);
});
