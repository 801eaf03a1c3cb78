/** Record batches: what is encoded is decoded, by every codec; what is damaged is refused. */

import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { BatchEncoder } from "../../../adapters/kafka/protocol/batch_encoder.ts";
import { CODECS } from "../../../adapters/kafka/protocol/compression.ts";
import { crc32c } from "../../../adapters/kafka/protocol/crc32c.ts";
import { murmur2, partitionOfKey } from "../../../formats/murmur2.ts";
import { decodeRecordSet } from "../../../adapters/kafka/protocol/record_set.ts";
import { viewOf } from "../../../adapters/kafka/protocol/view.ts";
import { ABSENT, type Batch, offsetAt } from "../../../engine/batch.ts";

interface Sample {
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly timeMs: number;
}

const PRODUCER = { producerId: 7n, epoch: 3 };
const EMPTY = new Uint8Array(0);

function encode(samples: readonly Sample[], baseOffset: bigint, codec: typeof CODECS[number]): Uint8Array<ArrayBuffer> {
  const batch = new BatchEncoder("t", 0, 16);
  for (const { key, value, timeMs } of samples) {
    const [keys, values] = [viewOf(key ?? EMPTY), viewOf(value ?? EMPTY)];
    batch.add(timeMs, keys, 0, key ? key.length : -1, values, 0, value ? value.length : -1);
  }
  batch.compress(codec);
  const bytes = batch.seal(PRODUCER, 0).slice();
  viewOf(bytes).setBigInt64(0, baseOffset);
  return bytes;
}

function decode(bytes: Uint8Array, position: bigint): Batch {
  return decodeRecordSet({ stream: "t", partition: "0", bytes, position, aborted: [] });
}

function samplesOf(batch: Batch): (Sample & { readonly offset: bigint })[] {
  const field = (at: number): Uint8Array | null =>
    batch.ranges[at] === ABSENT ? null : batch.bytes.slice(batch.ranges[at], batch.ranges[at + 1]);
  return Array.from({ length: batch.count }, (_, row) => ({
    key: field(4 * row),
    value: field(4 * row + 2),
    timeMs: batch.eventTimesMs![row],
    offset: offsetAt(batch, row),
  }));
}

const bytes = fc.option(fc.uint8Array({ maxLength: 300 }), { nil: null });
const sample = fc.record({ key: bytes, value: bytes, timeMs: fc.integer({ min: -1, max: 4_000_000_000_000 }) });

Deno.test("what is encoded is decoded, with every codec, from any offset", () => {
  fc.assert(
    fc.property(
      fc.array(sample, { minLength: 1, maxLength: 40 }),
      fc.bigInt({ min: 0n, max: 2n ** 50n }),
      fc.constantFrom(...CODECS),
      fc.nat(50),
      (samples, base, codec, skipped) => {
        const batch = decode(encode(samples, base, codec), base + BigInt(skipped));
        const expected = samples.map((each, i) => ({ ...each, offset: base + BigInt(i) }));
        assertEquals(samplesOf(batch), expected.slice(skipped));
        const end = base + BigInt(samples.length);
        assertEquals(batch.next, skipped > samples.length ? base + BigInt(skipped) : end);
      },
    ),
    { numRuns: 300 },
  );
});

Deno.test("a damaged batch is refused, a cut one is left for the next fetch; neither gives a wrong record", () => {
  const samples = Array.from({ length: 5 }, (_, i) => ({ key: EMPTY, value: Uint8Array.of(i, 1, 2, 3), timeMs: i }));
  const whole = encode(samples, 100n, "none");
  const right = samplesOf(decode(whole, 0n));
  for (let bit = 0; bit < 8 * whole.length; bit++) {
    const damaged = whole.slice();
    damaged[bit >> 3] ^= 1 << (bit & 7);
    try {
      const read = samplesOf(decode(damaged, 0n));
      // The base offset and the leader epoch are the broker's to write and not covered by the checksum.
      if (bit < 8 * 8 || (bit >= 12 * 8 && bit < 16 * 8)) continue;
      assertEquals(read.length, 0, `bit ${bit}`);
    } catch (error) {
      assertEquals((error as Error).name, "WireError", `bit ${bit}: ${error}`);
    }
  }
  for (let length = 0; length < whole.length; length++) assertEquals(decode(whole.subarray(0, length), 0n).count, 0);
  assertEquals(samplesOf(decode(whole, 0n)), right);
});

Deno.test("records that claim to be longer than their batch are refused although the checksum matches", () => {
  const whole = encode([{ key: null, value: Uint8Array.of(1, 2, 3), timeMs: 0 }], 0n, "none");
  const view = viewOf(whole);
  whole[61] = 0x7e;
  view.setUint32(17, crc32c(view, 21, whole.length));
  assertThrows(() => decode(whole, 0n), Error, "longer than its batch");
});

Deno.test("crc32c() and murmur2() give the published values", () => {
  const text = (value: string) => viewOf(new TextEncoder().encode(value));
  assertEquals(crc32c(text("123456789"), 0, 9), 0xe3069283);
  // RFC 3720, B.4: longer than what is taken at once.
  assertEquals(crc32c(viewOf(new Uint8Array(32)), 0, 32), 0x8a9136aa);
  assertEquals(crc32c(viewOf(new Uint8Array(32).fill(255)), 0, 32), 0x62a8ab43);
  assertEquals(crc32c(viewOf(Uint8Array.from({ length: 32 }, (_, i) => i)), 0, 32), 0x46dd794e);
  // From Kafka's own UtilsTest.
  const known = { "21": -973932308, "foobar": -790332482, "a-little-bit-long-string": -985981536 };
  for (const [key, hash] of Object.entries(known)) assertEquals(murmur2(text(key), 0, key.length), hash, key);
  assertEquals(partitionOfKey(text("foobar"), 0, 6, 10), (-790332482 & 0x7fffffff) % 10);
});
