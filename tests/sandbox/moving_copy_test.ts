/** What moves to another thread: the controller keeps what it reads on. */

import { assertEquals, assertNotStrictEquals } from "@std/assert";
import { packRecords } from "../../adapters/memory/source.ts";
import { movingCopy } from "../../controller/sandbox/moving_copy.ts";
import { packSegments } from "../../engine/feed.ts";

const segments = packSegments([{ batch: 0, fromRow: 0, toRow: 2, timeMs: 5, input: "default" }]);

Deno.test("a feed that moves is equal to the one that stays, and leaves it whole", () => {
  const batch = packRecords("s", "0", [
    { value: Uint8Array.of(1, 2), offset: 0n, eventTimeMs: 7, headers: [["a", "b"]] },
    { value: Uint8Array.of(3), offset: 1n },
  ]);
  const { feed, buffers } = movingCopy({ seq: 0, batches: [batch], segments });
  const moved = structuredClone(feed, { transfer: [...buffers] });
  assertEquals(moved, { seq: 0, batches: [batch], segments });
  assertEquals(feed.batches[0].bytes.length, 0);
  assertEquals(feed.batches[0].headers?.bytes.length, 0);
});

Deno.test("of a batch that is a view into a larger buffer, only the view moves", () => {
  const batch = packRecords("s", "0", [{ value: Uint8Array.of(1, 2), offset: 0n }]);
  const bytes = new Uint8Array(1000).subarray(10, 10 + batch.bytes.length);
  bytes.set(batch.bytes);
  const { feed } = movingCopy({ seq: 0, batches: [{ ...batch, bytes }], segments });
  assertEquals(feed.batches[0].bytes, batch.bytes);
  assertEquals(feed.batches[0].bytes.buffer.byteLength, batch.bytes.length);
  assertNotStrictEquals(feed.batches[0].ranges.buffer, batch.ranges.buffer);
});
