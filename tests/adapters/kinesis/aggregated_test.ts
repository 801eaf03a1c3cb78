/** Aggregated records: none is dropped, none is invented, and what only looks like one is a plain record. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BrokenAggregate, readAggregate } from "../../../adapters/kinesis/aggregated.ts";
import { packPage } from "../../../adapters/kinesis/packed_pages.ts";
import { offsetAt } from "../../../engine/batch.ts";
import { payloadAt } from "../../../formats/record_payload.ts";
import { createHash } from "node:crypto";
import { aggregate } from "../../support/kinesis.ts";

const record = fc.record({
  key: fc.string({ minLength: 1, maxLength: 300 }),
  value: fc.uint8Array({ maxLength: 400 }),
});

Deno.test("any records come back as they were put into an aggregate, in order", () => {
  fc.assert(fc.property(fc.array(record, { minLength: 1, maxLength: 50 }), (records) => {
    const found = readAggregate(aggregate(records))!.records;
    const decoder = new TextDecoder();
    assertEquals(
      found.map(({ key, value }) => [decoder.decode(key), [...value]]),
      records.map(({ key, value }) => [key, [...value]]),
    );
  }));
});

Deno.test("a flipped bit makes it a plain record, and bytes that begin alike are one", () => {
  const bytes = aggregate([{ key: "a", value: Uint8Array.of(1, 2, 3) }]);
  for (let bit = 0; bit < bytes.length * 8; bit++) {
    const damaged = bytes.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    assertEquals(readAggregate(damaged), undefined);
  }
  assertEquals(readAggregate(Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2, 1, 2, 3)), undefined);
});

Deno.test("an aggregate whose digest fits and whose content does not stops the run", () => {
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 60 }), (message) => {
    const forged = forge(message);
    try {
      const found = readAggregate(forged)?.records;
      assert(
        found === undefined ||
          found.every(({ key, value }) => key instanceof Uint8Array && value instanceof Uint8Array),
      );
    } catch (error) {
      assert(error instanceof BrokenAggregate, String(error));
    }
  }));
  assertThrows(() => readAggregate(forge(Uint8Array.of(0x1a, 0x7f))), BrokenAggregate, "it ends inside a field");
});

Deno.test("a page of plain and aggregated records is packed in order, with offsets that rise, keys and times", () => {
  const user = Array.from({ length: 300 }, (_, i) => ({ key: "k".repeat(200) + i % 3, value: Uint8Array.of(i % 256) }));
  const base = 49_600_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000_000n;
  const body = {
    Records: [
      { Data: btoa("plain"), PartitionKey: "ü", SequenceNumber: String(base), ApproximateArrivalTimestamp: 1.5 },
      {
        Data: aggregate(user).toBase64(),
        PartitionKey: "x",
        SequenceNumber: String(base + 7n),
        ApproximateArrivalTimestamp: 2,
      },
      { Data: "", PartitionKey: "empty", SequenceNumber: String(base + 9n), ApproximateArrivalTimestamp: 3.25 },
    ],
    NextShardIterator: "next",
    MillisBehindLatest: 12,
  };
  const { batch, firstSequence, lastOffset, nextIterator, millisBehindLatest } = packPage(
    new TextEncoder().encode(JSON.stringify(body)),
  );
  assertEquals([batch.count, firstSequence, nextIterator, millisBehindLatest], [302, base, "next", 12]);
  const rows = Array.from({ length: batch.count }, (_, row) => ({
    offset: offsetAt(batch, row),
    ...payloadAt(batch as Parameters<typeof payloadAt>[0], row),
  }));
  assertEquals([rows[0].key, new TextDecoder().decode(rows[0].value!)], ["ü", "plain"]);
  assertEquals(
    rows.slice(1, 301).map(({ key, value }) => [key, [...value!]]),
    user.map(({ key, value }) => [key, [...value]]),
  );
  assertEquals([rows[301].key, rows[301].value!.length, rows[301].offset], ["empty", 0, lastOffset]);
  assert(rows.every(({ offset }, i) => i === 0 || offset > rows[i - 1].offset));
  assertEquals([batch.eventTimesMs![0], batch.eventTimesMs![301]], [1500, 3250]);
});

/** A message with the frame of an aggregate. */
function forge(message: Uint8Array): Uint8Array {
  const whole = aggregate([{ key: "a", value: new Uint8Array(0) }]);
  const digest = md5(message);
  return Uint8Array.from([...whole.subarray(0, 4), ...message, ...digest]);
}

function md5(bytes: Uint8Array): Uint8Array {
  return createHash("md5").update(bytes).digest();
}
