/** Permits: what all tasks have under way together stays within bounds, and nobody waits for ever. */

import { assertEquals } from "@std/assert";
import { DEFAULT_LIMITS } from "../../controller/limits.ts";
import { FULL, Permits, permitsFor } from "../../controller/permits.ts";
import { emptyBatch } from "../../engine/batch.ts";

const NEVER = new AbortController().signal;

/** What a feed of so many records and bytes needs. */
function needed(count: number, size: number): number {
  const batch = { ...emptyBatch({ stream: "s", partition: "0" }, 0n), count, bytes: new Uint8Array(size) };
  return permitsFor({ batches: [batch], segments: [], ranges: [], progress: [] } as never);
}

Deno.test("permits are never more than there are, and go to who asked first", async () => {
  const permits = new Permits(2);
  const stop = new AbortController();
  assertEquals([permits.tryTake(), permits.tryTake(), permits.tryTake()], [true, true, false]);
  const order: string[] = [];
  const waiting = [1, 2].map((who) => permits.take(stop.signal).then((isTaken) => order.push(`${who} ${isTaken}`)));
  permits.give(FULL);
  assertEquals(permits.tryTake(), false);
  await waiting[0];
  assertEquals(order, ["1 true"]);
  stop.abort();
  await Promise.all(waiting);
  assertEquals(order, ["1 true", "2 false"]);
  permits.give(FULL);
  assertEquals([permits.tryTake(), permits.tryTake(), await permits.take(stop.signal)], [true, false, false]);
});

Deno.test("who gives back what it took passes nobody who waits, whenever it comes back for more", async () => {
  const permits = new Permits(1);
  assertEquals(permits.tryTake(), true);
  const others = [permits.take(NEVER), permits.take(NEVER)];
  for (const other of others) {
    permits.give(FULL);
    assertEquals([permits.tryTake(), await other, permits.tryTake()], [false, true, false]);
  }
});

Deno.test("who is stopped right after its turn has come has its turn, and those behind it keep their places", async () => {
  const permits = new Permits(1);
  const stop = new AbortController();
  assertEquals(permits.tryTake(), true);
  const [first, second] = [permits.take(stop.signal), permits.take(NEVER)];
  permits.give(FULL);
  stop.abort();
  assertEquals(await first, true);
  permits.give(FULL);
  assertEquals(await second, true);
});

Deno.test("who waits has its turn once what several small feeds gave back makes a full one", async () => {
  const permits = new Permits(1);
  assertEquals(permits.tryTake(), true);
  let isWoken = false;
  const waiting = permits.take(NEVER).then(() => isWoken = true);
  for (let quarter = 0; quarter < 3; quarter++) permits.give(FULL / 4);
  await Promise.resolve();
  assertEquals(isWoken, false);
  permits.give(FULL / 4);
  await waiting;
});

Deno.test("a feed needs what it holds in records or bytes, a quarter of a full one at least, a full one at most", () => {
  const { feedRecordsMax, feedBytesMax } = DEFAULT_LIMITS;
  assertEquals(needed(1, 100), FULL / 4);
  assertEquals(needed(feedRecordsMax / 2, 100), FULL / 2);
  assertEquals(needed(10, feedBytesMax), FULL);
  assertEquals(needed(10 * feedRecordsMax, 100), FULL);
  assertEquals(needed(1, 10 * feedBytesMax), FULL);
});
