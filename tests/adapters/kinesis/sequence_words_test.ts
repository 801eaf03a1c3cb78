/** Sequence numbers of any size and order become the words that big numbers give. */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { offsetAt } from "../../../engine/batch.ts";
import { OFFSET_WIDTH, offsetOf } from "../../../adapters/kinesis/position.ts";
import { SequenceWords } from "../../../adapters/kinesis/sequence_words.ts";

const number = fc.oneof(
  fc.bigInt({ min: 0n, max: 2n ** 186n - 1n }),
  // Close together, as in a page, and across the carries of words.
  fc.bigInt({ min: -5n, max: 5n }).map((near) => 2n ** 96n + near),
  fc.bigInt({ min: -5n, max: 5n }).map((near) => 10n ** 55n + 2n ** 32n + near),
);

Deno.test("any sequence numbers come back from their words, with their places in aggregates (M3)", () => {
  fc.assert(fc.property(fc.array(fc.tuple(number, fc.nat(2 ** 31 - 1)), { minLength: 1 }), (numbers) => {
    const converter = new SequenceWords();
    const offsetWords = new Uint32Array(OFFSET_WIDTH * numbers.length);
    numbers.forEach(([sequence, sub], row) => {
      converter.take(String(sequence));
      converter.write(offsetWords, row, sub);
    });
    const batch = { offsetWords, offsetWidth: OFFSET_WIDTH };
    assertEquals(
      numbers.map((_, row) => offsetAt(batch, row)),
      numbers.map(([sequence, sub]) => offsetOf(sequence, sub)),
    );
  }));
});
