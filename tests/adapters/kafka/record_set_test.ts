/** The reader's half of read_committed, on record sets made by hand; and Fetch answers that were damaged on the way. */

import { assert, assertEquals, assertThrows } from "@std/assert";
import { BatchEncoder } from "../../../adapters/kafka/protocol/batch_encoder.ts";
import { CODECS } from "../../../adapters/kafka/protocol/compression.ts";
import { crc32c } from "../../../adapters/kafka/protocol/crc32c.ts";
import { decodeFetch } from "../../../adapters/kafka/protocol/fetch.ts";
import { KafkaError } from "../../../adapters/kafka/protocol/kafka_error.ts";
import { type AbortedTransaction, decodeRecordSet } from "../../../adapters/kafka/protocol/record_set.ts";
import { Reader, WireError, Writer } from "../../../adapters/kafka/protocol/wire.ts";
import { viewOf } from "../../../adapters/kafka/protocol/view.ts";
import { offsetAt } from "../../../engine/batch.ts";
import { payloadAt } from "../../../formats/record_payload.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
const CONTROL = 32;
const ABORT = [0, 0, 0, 0];
const COMMIT = [0, 0, 0, 1];
const encoder = new TextEncoder();

interface BatchOptions {
  readonly offset: number;
  readonly producer: bigint;
  readonly keys: readonly (readonly number[])[];
  readonly isControl?: boolean;
  readonly codec?: typeof CODECS[number];
}

function batchOf({ offset, producer, keys, isControl = false, codec = "none" }: BatchOptions): Uint8Array {
  const batch = new BatchEncoder("t", 0, 100);
  keys.forEach((key, i) => {
    const [bytes, value] = [viewOf(Uint8Array.from(key)), viewOf(encoder.encode(`p${producer}@${offset + i}`))];
    batch.add(1_700_000_000_000, bytes, 0, key.length, value, 0, value.byteLength);
  });
  batch.compress(codec);
  const bytes = batch.seal({ producerId: producer, epoch: 0 }, 0).slice();
  const view = viewOf(bytes);
  view.setBigInt64(0, BigInt(offset));
  if (isControl) view.setInt16(21, view.getInt16(21) | CONTROL);
  view.setUint32(17, crc32c(view, 21, bytes.length));
  return bytes;
}

const data = (offset: number, producer: bigint, key: readonly number[] = [1]) =>
  batchOf({ offset, producer, keys: [key] });
const marker = (offset: number, producer: bigint, key = ABORT) =>
  batchOf({ offset, producer, keys: [key], isControl: true });

function join(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}

function read(parts: readonly Uint8Array[], aborted: readonly AbortedTransaction[], position = 0n) {
  const batch = decodeRecordSet({ stream: "t", partition: "0", bytes: join(parts), position, aborted });
  const values = Array.from(
    { length: batch.count },
    (_, row) => new TextDecoder().decode(payloadAt(batch, row).value!),
  );
  return { values, next: batch.next };
}

Deno.test("two transactions that interleave and are both aborted show nothing, in whatever order the broker lists them", () => {
  const parts = [data(0, 2n), data(1, 1n), marker(2, 1n), marker(3, 2n), data(4, 3n)];
  const aborted = [{ producerId: 1n, firstOffset: 1n }, { producerId: 2n, firstOffset: 0n }];
  for (const order of [aborted, aborted.toReversed()]) {
    assertEquals(read(parts, order), { values: ["p3@4"], next: 5n });
  }
});

Deno.test("a fetch that begins inside two open transactions shows none of their records", () => {
  const aborted = [{ producerId: 1n, firstOffset: 0n }, { producerId: 2n, firstOffset: 1n }];
  const parts = [data(5, 1n), data(6, 2n), marker(7, 2n), marker(8, 1n), data(9, 1n), marker(10, 1n, COMMIT)];
  assertEquals(read(parts, aborted, 5n), { values: ["p1@9"], next: 11n });
});

Deno.test("a fetch that begins with an abort marker shows what its producer committed afterwards", () => {
  const parts = [marker(5, 1n), data(6, 1n), marker(7, 1n, COMMIT)];
  assertEquals(read(parts, [{ producerId: 1n, firstOffset: 0n }], 5n), { values: ["p1@6"], next: 8n });
});

Deno.test("a key of four zero bytes is no abort marker", () => {
  const parts = [data(0, 1n, [0, 0, 0, 0]), data(1, 1n), marker(2, 1n), data(3, 1n), marker(4, 1n, COMMIT)];
  assertEquals(read(parts, [{ producerId: 1n, firstOffset: 0n }]), { values: ["p1@3"], next: 5n });
});

Deno.test("one batch may begin several aborted transactions; an aborted one of a later fetch does not count yet", () => {
  const aborted = [
    { producerId: 1n, firstOffset: 0n },
    { producerId: 2n, firstOffset: 1n },
    { producerId: 3n, firstOffset: 100n },
  ];
  assertEquals(read([data(50, 3n), data(51, 1n), data(52, 2n)], aborted), { values: ["p3@50"], next: 53n });
});

Deno.test("nothing but control records advances all the same; an empty answer does not", () => {
  assertEquals(read([marker(3, 1n), marker(4, 2n, COMMIT)], []), { values: [], next: 5n });
  assertEquals(read([], [], 17n), { values: [], next: 17n });
});

/** A Fetch answer of version 11 for one partition. */
function answerOf(recordSet: Uint8Array): Uint8Array<ArrayBuffer> {
  const answer = new Writer().int32(0).int16(0).int32(0).int32(1).string("t").int32(1);
  answer.int32(0).int16(0).int64(100n).int64(100n).int64(0n).int32(1).int64(7n).int64(0n).int32(-1);
  return answer.int32(recordSet.length).raw(recordSet).written;
}

function readAnswer(bytes: Uint8Array): readonly string[] {
  const [fetched] = decodeFetch(new Reader(bytes), [{ topic: "t", partition: 0, position: 0n }]);
  if (fetched === undefined || fetched.errorCode !== 0) return [];
  const { recordSet, aborted } = fetched;
  const batch = decodeRecordSet({ stream: "t", partition: "0", bytes: recordSet, position: 0n, aborted });
  return Array.from(
    { length: batch.count },
    (_, row) => `${offsetAt(batch, row)} ${new TextDecoder().decode(payloadAt(batch, row).value ?? new Uint8Array(0))}`,
  );
}

Deno.test("Fetch answers with flipped bits, cut ends and noise give an error or fewer records, never a wrong one", () => {
  console.log(`seed ${SEED}`);
  let seed = SEED;
  const random = (below: number) => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) % below;
  const keys = Array.from({ length: 20 }, (_, i) => [i]);
  for (const codec of CODECS) {
    const whole = answerOf(join([
      batchOf({ offset: 0, producer: 1n, keys, codec }),
      batchOf({ offset: 20, producer: 2n, keys, codec }),
    ]));
    const right = readAnswer(whole);
    assertEquals(right.length, 40);
    const values = new Set(right.map((record) => record.split(" ")[1]));
    for (let attempt = 0; attempt < 3000; attempt++) {
      const damaged = damage(whole, random);
      try {
        // The offsets of a batch are the broker's to write, and no checksum covers them.
        for (const record of readAnswer(damaged)) assert(values.has(record.split(" ")[1]), `${codec}: ${record}`);
      } catch (error) {
        if (error instanceof WireError || error instanceof KafkaError) continue;
        throw new Error(`attempt ${attempt}, ${codec}: ${error}`, { cause: error });
      }
    }
  }
});

function damage(whole: Uint8Array<ArrayBuffer>, random: (below: number) => number): Uint8Array<ArrayBuffer> {
  const damaged = whole.slice();
  switch (random(3)) {
    case 0:
      for (let flips = 1 + random(3); flips > 0; flips--) damaged[random(damaged.length)] ^= 1 << random(8);
      return damaged;
    case 1:
      return damaged.slice(0, random(damaged.length));
    default: {
      const at = random(damaged.length);
      for (let i = at; i < Math.min(at + 16, damaged.length); i++) damaged[i] = random(256);
      return damaged;
    }
  }
}

Deno.test("records that lie, with a checksum that matches, are an error and never a hang", () => {
  console.log(`seed ${SEED}`);
  let seed = SEED;
  const random = (below: number) => (seed = Math.imul(seed, 1664525) + 1013904223 >>> 0) % below;
  const whole = batchOf({ offset: 0, producer: 1n, keys: Array.from({ length: 20 }, (_, i) => [i]) });
  let errors = 0;
  for (let attempt = 0; attempt < 20_000; attempt++) {
    const damaged = whole.slice();
    damaged[61 + random(damaged.length - 61)] = random(256);
    if (random(4) === 0) viewOf(damaged).setInt32(57, random(2 ** 31));
    viewOf(damaged).setUint32(17, crc32c(viewOf(damaged), 21, damaged.length));
    try {
      read([damaged], []);
    } catch (error) {
      assert(error instanceof WireError, `attempt ${attempt}: ${error}`);
      errors++;
    }
  }
  assert(errors > 100);
  assertThrows(() => read([batchOf({ offset: 0, producer: 1n, keys: [[1]] }).fill(255, 61, 62)], []));
});
