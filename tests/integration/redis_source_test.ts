/** What a Redis stream does while nobody reads, and while somebody does: always all entries, or an error that says why. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisSource, type RedisSourceOptions } from "../../adapters/redis/source.ts";
import { SourceError } from "../../adapters/source.ts";
import { offsetOf } from "../../adapters/redis/protocol/entries.ts";
import { readPartition } from "../support/read_source.ts";
import { freshKey, redisServers, withRedis } from "../support/redis.ts";

const ALL = { recordsMax: 1000, bytesMax: 1 << 20 };
const WAIT_MS_MAX = 10_000;

async function open(stream: string, options: Partial<RedisSourceOptions> = {}): Promise<RedisSource> {
  const address = await redisServers();
  return await RedisSource.open({
    address,
    streams: [{ stream }],
    fields: { value: "v" },
    isBounded: false,
    start: "earliest",
    ...options,
  });
}

async function add(stream: string, from: number, to: number): Promise<void> {
  await withRedis(async (redis) => {
    for (let i = from; i < to; i++) await redis.xadd(stream, `${i}-0`, "v", String(i));
  });
}

/** Reads up to `count` records from the beginning with one source; answers where it stands. */
async function readSome(stream: string, count: number): Promise<{ position: bigint; anchor: string }> {
  const source = await open(stream);
  const result = await source.read({ stream, partition: "0" }, 0n, { ...ALL, recordsMax: count });
  await source.close();
  assert(result.kind === "batch" && result.batch.count === count);
  return { position: result.batch.next, anchor: result.batch.anchor! };
}

/** Reads on where `stand` says, with another source. */
async function readOn(stream: string, { position, anchor }: { position: bigint; anchor: string }) {
  const source = await open(stream);
  try {
    await source.verify({ stream, partition: "0" }, position, anchor);
    return await source.read({ stream, partition: "0" }, position, ALL);
  } finally {
    await source.close();
  }
}

Deno.test("a stream that was trimmed up to where its reader stood is read on; trimmed behind it, it is a gap", async () => {
  const stream = freshKey();
  await add(stream, 1, 21);
  const stand = await readSome(stream, 10);
  await withRedis((redis) => redis.xtrim(stream, "MINID", "10-0"));
  const anchored = await readOn(stream, stand);
  assert(anchored.kind === "batch" && anchored.batch.count === 10);
  await withRedis((redis) => redis.xtrim(stream, "MINID", "11-0"));
  const counted = await readOn(stream, stand);
  assert(counted.kind === "batch" && counted.batch.count === 10);
  await withRedis((redis) => redis.xtrim(stream, "MINID", "14-0"));
  const gap = await readOn(stream, stand);
  assert(gap.kind === "gap");
  assertEquals([gap.to, gap.reason], [offsetOf("14-0"), "3 entries were trimmed before they were read"]);
});

Deno.test("entries that are trimmed while they are read are a gap, whatever the reader has seen before", async () => {
  const stream = freshKey();
  await add(stream, 1, 101);
  const source = await open(stream);
  const at = { stream, partition: "0" };
  const first = await source.read(at, 0n, { ...ALL, recordsMax: 10 });
  assert(first.kind === "batch");
  await withRedis((redis) => redis.xtrim(stream, "MAXLEN", 50));
  const second = await source.read(at, first.batch.next, ALL);
  assert(second.kind === "gap");
  assertEquals(second.to, offsetOf("51-0"));
  const after = await source.read(at, second.to, ALL);
  assert(after.kind === "batch" && after.batch.count === 50);
  await source.close();
});

Deno.test("a stream that was deleted, or made anew, stops its reader", async () => {
  const stream = freshKey();
  await add(stream, 1, 11);
  const stand = await readSome(stream, 10);
  await withRedis((redis) => redis.del(stream));
  await assertRejects(() => readOn(stream, stand), SourceError, "does not exist any more");
  await add(stream, 1, 6);
  await assertRejects(() => readOn(stream, stand), SourceError, "made anew");
  await add(stream, 20, 22);
  await assertRejects(() => readOn(stream, stand), SourceError, "made anew");
});

Deno.test("a reader at the end waits for the next entry; a start is the earliest, the latest, a time, or an id", async () => {
  const stream = freshKey();
  await add(stream, 1, 11);
  const at = { stream, partition: "0" };
  const follower = await open(stream, { start: "latest" });
  const position = await follower.start(at);
  assertEquals([position, (await follower.read(at, position, ALL)).kind], [offsetOf("10-0") + 1n, "idle"]);
  let isWoken = false;
  const waiting = follower.waitForMore([at], AbortSignal.timeout(WAIT_MS_MAX)).then(() => isWoken = true);
  // Connections and commands of others take longer than an answer that need not wait.
  await add(freshKey(), 1, 11);
  assertEquals(isWoken, false, "it did not wait for an entry behind its position");
  await add(stream, 11, 12);
  await waiting;
  const next = await follower.read(at, position, ALL);
  assert(next.kind === "batch" && next.batch.count === 1);
  await follower.close();
  for (const [start, first] of [["earliest", "1"], [{ timeMs: 4 }, "4"], [{ id: "7-0" }, "7"]] as const) {
    const source = await open(stream, { start, isBounded: true });
    const records = await readPartition(source, at, await source.start(at));
    assertEquals([records[0].value, records.length], [first, 12 - Number(first)]);
    await source.close();
  }
});

Deno.test("a run that began at the end knows what was added before: an entry it read may be trimmed", async () => {
  const stream = freshKey();
  const at = { stream, partition: "0" };
  await add(stream, 1, 101);
  const source = await open(stream, { start: "latest" });
  const position = await source.start(at);
  await add(stream, 101, 103);
  const first = await source.read(at, position, ALL);
  assert(first.kind === "batch" && first.batch.count === 2);
  await add(stream, 103, 106);
  await withRedis((redis) => redis.xtrim(stream, "MINID", "103-0"));
  const second = await source.read(at, first.batch.next, ALL);
  assert(second.kind === "batch" && second.batch.count === 3, JSON.stringify(second.kind));
  await source.close();
});
