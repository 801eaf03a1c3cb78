/**
 * Many records as one JSON array: any bytes, whole or broken, cut into records anywhere. A record is what it is by
 * itself, whatever stands next to it.
 */

import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { packRecords } from "../../adapters/memory/source.ts";
import { decodePayload } from "../../controller/sandbox/text.ts";
import { decodeAt } from "../../engine/decode.ts";
import { JsonPieces } from "../../engine/json_pieces.ts";
import type { TextBatch } from "../../engine/text_batch.ts";
import { json } from "../../formats/json.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Date.now() % 1_000_000);
console.log(`seed ${SEED}`);

const encoder = new TextEncoder();

type Payload = Uint8Array | null;

function batchOf(values: readonly Payload[]): TextBatch {
  const batch = packRecords(
    "s",
    "0",
    values.map((value, i) => ({ key: "k", value, offset: BigInt(i) })),
  );
  const { texts, arrays, rowBits, textRanges, invalidRows } = decodePayload(batch, { hasJson: true });
  const json = arrays.length > 0 ? { json: new JsonPieces(arrays, { count: batch.count, rowBits }) } : {};
  return { ...batch, texts, rowBits, textRanges, invalidRows: new Set(invalidRows), ...json };
}

/** What each record is: its value, or why it has none. */
function decoded(batch: TextBatch, codec = json<unknown>()): unknown[] {
  return Array.from({ length: batch.count }, (_, row) => {
    try {
      return { value: decodeAt(batch, row, codec) };
    } catch (error) {
      return String(error);
    }
  });
}

function assertAsByThemselves(values: readonly Payload[]): void {
  const batch = batchOf(values);
  const { json: _, ...rest } = batch;
  assertEquals(decoded(batch), decoded(rest));
}

/** Texts that are long enough for several blocks, with what JSON escapes at any place in them. */
const anyText = fc.array(
  fc.constantFrom("a", "xxxxxxxxxxxxxxx", '"', "\\", "\n", "[", "]", "{", "}", ",", "é", "🙂", "\u2028"),
  { maxLength: 24 },
).map((parts) => parts.join(""));

const anyValue = fc.letrec((tie) => ({
  value: fc.oneof(
    { depthSize: "small" },
    anyText,
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.constantFrom(null, true, false, 0),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.dictionary(anyText, tie("value"), { maxKeys: 4 }),
  ),
})).value;

/** Parts of JSON texts: next to each other they may become whole, or fall apart. */
const shards = fc.array(
  fc.constantFrom("[", "]", "{", "}", ",", ":", '"', "\\", '\\"', '"a"', '"a":', "1", " ", "null", "xxxxxxxxxxxxxxxx"),
  { maxLength: 12 },
).map((parts) => parts.join(""));

const anyPayload: fc.Arbitrary<Payload> = fc.oneof(
  anyValue.map((value) => encoder.encode(JSON.stringify(value))),
  anyValue.map((value) => encoder.encode(JSON.stringify(value, null, 2))),
  shards.map((text) => encoder.encode(text)),
  fc.uint8Array({ maxLength: 4 }),
  fc.constant(null),
);

/** A list of values that is cut anywhere: together the pieces are right, and most by themselves are not. */
const cutList = fc.tuple(fc.array(anyValue, { minLength: 1, maxLength: 4 }), fc.array(fc.nat(), { maxLength: 3 })).map(
  ([values, cuts]) => {
    const text = encoder.encode(values.map((value) => JSON.stringify(value)).join(","));
    const at = [0, ...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
    return at.slice(1).map((end, i) => text.subarray(at[i], end));
  },
);

Deno.test("a record has the value, or the error, that it has by itself, whatever stands next to it", () => {
  const lists = fc.oneof(fc.array(anyPayload, { minLength: 1, maxLength: 8 }), cutList);
  fc.assert(fc.property(lists, assertAsByThemselves), { numRuns: 3000, seed: SEED });
});

Deno.test("records that are whole only together are broken, each by itself", () => {
  const together = [
    ["[1", "2]"],
    ["1", "[2", "3]", "4,5"],
    ['{"a":1},{"b":2', "3}"],
    ['{},{"x":[{}', "{}]}"],
    ['{"a":"', '","b":1}', '{},{"c":2}'],
    ["1],[2", "3"],
    ['"\\', '"', "1,2"],
    ["", "1,2"],
    [" ", "1,2"],
  ];
  for (const texts of together) assertAsByThemselves(texts.map((text) => encoder.encode(text)));
});

Deno.test("values that are whole are read as an array, with escapes and brackets at every place of a block", () => {
  for (let before = 0; before < 40; before++) {
    const values = ['a"b', "\\", "[", "]{", "é", "\\\\", "end\\"].map((text) => {
      return { ["k".repeat(before)]: text, list: [1, { text }] };
    });
    const batch = batchOf(values.map((value) => encoder.encode(JSON.stringify(value))));
    assert(batch.json!.turnTo(0), `with ${before} before it`);
    assertEquals(decoded(batch), values.map((value) => ({ value })));
  }
});

Deno.test("pieces have their own values, and one that is broken does not keep others from being read at once", () => {
  const values: Payload[] = Array.from(
    { length: 5000 },
    (_, i) => encoder.encode(`{"i":${i},"text":"${"x".repeat(60)}"}`),
  );
  values[4000] = encoder.encode("{");
  const batch = batchOf(values);
  const pieces = Math.ceil(batch.count / 2 ** batch.rowBits);
  assert(pieces > 3);
  const whole = Array.from({ length: pieces }, (_, piece) => batch.json!.turnTo(piece << batch.rowBits));
  assertEquals(whole.filter((isWhole) => !isWhole).length, 1);
  assertAsByThemselves(values);
});

Deno.test("large records come one by one", () => {
  assertEquals(batchOf([encoder.encode(`"${"x".repeat(5000)}"`)]).json, undefined);
});

Deno.test("a codec that was made from json() decodes by the decoder that it was given", () => {
  const codec = { ...json<unknown>(), decode: (text: string) => text.length };
  assertEquals(decoded(batchOf([encoder.encode("[1,2]")]), codec), [{ value: 5 }]);
});

Deno.test("a value that is handed out is its record's alone", () => {
  const [first, second] = decoded(batchOf([encoder.encode('{"a":[]}'), encoder.encode('{"a":[]}')])) as {
    readonly value: { readonly a: number[] };
  }[];
  first.value.a.push(1);
  assertEquals(second.value.a, []);
});
