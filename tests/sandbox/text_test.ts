/** Between bytes and text: any bytes, any cut into records. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { packRecords } from "../../adapters/memory/source.ts";
import { decodePayload, encodeParts } from "../../controller/sandbox/text.ts";

const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decoded(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

const text = fc.string({ unit: "binary", maxLength: 12 }).map((value) =>
  new TextEncoder().encode(value.toWellFormed())
);
const payload = fc.oneof(
  text,
  fc.uint8Array({ maxLength: 6 }),
  fc.constantFrom(Uint8Array.of(0xff), Uint8Array.of(0xef, 0xbb, 0xbf, 65)),
);

Deno.test("decodePayload() gives every record its own text, and marks exactly those that are not UTF-8", () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ key: fc.option(payload, { nil: null }), value: payload }), { minLength: 1 }),
      (all) => {
        const batch = packRecords("s", "0", all.map(({ value }, i) => ({ value, offset: BigInt(i) })));
        const { texts, rowBits, textRanges, invalidRows } = decodePayload(batch);
        all.forEach(({ value }, row) => {
          const expected = decoded(value);
          assertEquals(invalidRows.includes(row), expected === undefined);
          if (expected !== undefined) {
            assertEquals(texts[row >> rowBits].slice(textRanges[4 * row + 2], textRanges[4 * row + 3]), expected);
          }
        });
      },
    ),
    { numRuns: 500 },
  );
});

Deno.test("two halves of a character in neighbouring records are two records that are not UTF-8", () => {
  const halves = [Uint8Array.of(0xc3), Uint8Array.of(0xa9), Uint8Array.of(0x61)];
  const batch = packRecords("s", "0", halves.map((value, i) => ({ value, offset: BigInt(i) })));
  assertEquals(decodePayload(batch).invalidRows, [0, 1]);
});

Deno.test("encodeParts() gives every part the length of its own bytes", () => {
  fc.assert(
    fc.property(fc.array(fc.option(codeUnits(), { nil: null })), fc.constantFrom(0, 1), (parts, gap) => {
      const pieces = parts.map((part) => `${part ?? ""}${"\n".repeat(gap)}`);
      const { bytes, lengths } = encodeParts(
        pieces,
        Int32Array.from(parts, (part) => part === null ? -1 : part.length),
        gap,
      );
      let at = 0;
      parts.forEach((part, i) => {
        assertEquals(lengths[i], part === null ? -1 : new TextEncoder().encode(part).length);
        if (part !== null) assertEquals(bytes.subarray(at, at + lengths[i]), new TextEncoder().encode(part));
        at += Math.max(lengths[i], 0) + gap;
      });
      assertEquals(bytes.length, at);
    }),
    { numRuns: 500 },
  );
});

/** Texts of any code units: ASCII, others, and halves of characters, which may meet their other half in the next text. */
function codeUnits(): fc.Arbitrary<string> {
  const unit = fc.oneof(fc.nat(127), fc.constantFrom(0xe9, 0x20ac, 0xd83d, 0xde00));
  return fc.array(unit, { maxLength: 6 }).map((units) => String.fromCharCode(...units));
}
