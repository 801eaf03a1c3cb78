/** What a Redis stream does while nobody reads, and while somebody does: always all entries, or an error that says why. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisSource, type RedisSourceOptions } from "../../adapters/redis/source.ts";
import { SourceError } from "../../adapters/source.ts";
import { offsetOf } from "../../adapters/redis/protocol/entries.ts";
import { parseSelection } from "../../adapters/redis/stream_selection.ts";
import { addOrders } from "../support/redis_job.ts";
import { OwnRedis } from "../support/redis_servers.ts";
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
  // It was on its way already, and is whole.
  const second = await source.read(at, first.batch.next, ALL);
  assert(second.kind === "batch" && second.batch.next === offsetOf("30-0") + 1n);
  const third = await source.read(at, second.batch.next, ALL);
  assert(third.kind === "gap");
  assertEquals([third.to, third.reason], [offsetOf("51-0"), "20 entries were trimmed before they were read"]);
  const after = await source.read(at, third.to, ALL);
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

Deno.test("who reads again what somebody else has read meanwhile gets it, though there was nothing yet when it was read ahead", async () => {
  for (const [looksAgain, kind] of [[false, "idle"], [true, "batch"]] as const) {
    const stream = freshKey();
    const at = { stream, partition: "0" };
    await add(stream, 1, 11);
    const source = await open(stream);
    // As many as were asked for: there may be more.
    const limit = { recordsMax: 10, bytesMax: 1_000_000 };
    const first = await source.read(at, 0n, limit);
    assert(first.kind === "batch" && first.batch.count === 10);
    // Answered behind what was read ahead.
    await source.latest(at);
    await add(stream, 11, 12);
    assertEquals((await source.read(at, first.batch.next, { ...limit, looksAgain })).kind, kind);
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

Deno.test("a stream in parts: as many as are named, or all there are, also those that come later", async () => {
  const stream = freshKey();
  for (const part of [0, 1, 10]) await add(`${stream}:${part}`, 1, 3);
  const partitionsOf = async (text: string) => {
    const source = await open(stream, { streams: [parseSelection(text)] });
    const found = (await source.partitions()).map(({ partition }) => partition);
    await source.close();
    return found;
  };
  assertEquals(await partitionsOf(`${stream}:0..2`), ["0", "1", "2"]);
  const source = await open(stream, { streams: [parseSelection(`${stream}:*`)], isBounded: true });
  assertEquals((await source.partitions()).map(({ partition }) => partition), ["0", "1"]);
  await add(`${stream}:2`, 1, 4);
  const partitions = await source.partitions();
  assertEquals(partitions.map(({ partition }) => partition), ["0", "1", "2"]);
  const counts = [];
  for (const at of partitions) counts.push((await readPartition(source, at, 0n)).length);
  assertEquals(counts, [2, 2, 3]);
  await source.close();
});

Deno.test("a part that came after the run did is read from its first entry, wherever the run began; without it, never in silence", async () => {
  const stream = freshKey();
  await add(`${stream}:1`, 1, 11);
  const parts = { streams: [parseSelection(`${stream}:*`)], start: "latest", isBounded: true } as const;
  const source = await open(stream, parts);
  const at = { stream, partition: "1" };
  const position = await source.startOfAdded(at);
  const anchor = source.startAnchor(at);
  assertEquals((await readPartition(source, at, position)).length, 10);
  await source.close();
  await withRedis((redis) => redis.xtrim(`${stream}:1`, "MINID", "5-0"));
  const later = await open(stream, parts);
  await later.verify(at, position, anchor);
  assertEquals((await later.read(at, position, ALL)).kind, "gap");
  await later.close();
});

Deno.test("many quiet streams are waited for at once: an entry of any is seen when it comes, also of one that joined late", async () => {
  const streams = Array.from({ length: 20 }, freshKey);
  const source = await open(streams[0], { streams: streams.map((stream) => ({ stream })) });
  const all = streams.map((stream) => ({ stream, partition: "0" }));
  const never = new AbortController();
  for (const at of all) assertEquals((await source.read(at, 0n, ALL)).kind, "idle");
  const woken = all.map(async (at) => {
    await source.waitForMore([at], never.signal);
    return await source.read(at, 0n, ALL);
  });
  // The one that asked last is in a wait that began before it.
  for (const stream of streams.toReversed()) {
    const startMs = performance.now();
    await add(stream, 1, 2);
    const result = await woken[streams.indexOf(stream)];
    assert(result.kind === "batch");
    // A server's wait ends after 5 s: this one did not.
    assert(performance.now() - startMs < 4_000);
  }
  await source.close();
});

Deno.test("a whole entry is an object: any name and text, also what JSON has to escape; one field is its key", async () => {
  const stream = freshKey();
  const entries = [
    ["a", "1"],
    ["", "", 'quote " \\ back', "line\nfeed \u0001 tab\t", "ü€😀", "ü€😀", "id", "k1"],
    ["id", "k2", "a", "first", "a", "last"],
    ["long", "x".repeat(10_000), "id", "k3"],
  ];
  await withRedis(async (redis) => {
    for (const fields of entries) await redis.xadd(stream, "*", ...fields);
  });
  const source = await open(stream, { fields: { key: "id" }, isBounded: true });
  const records = await readPartition(source, { stream, partition: "0" }, 0n, { recordsMax: 3, bytesMax: 1 << 20 });
  await source.close();
  const objectOf = (fields: readonly string[]) => {
    return Object.fromEntries(fields.flatMap((name, i) => i % 2 === 0 ? [[name, fields[i + 1]]] : []));
  };
  assertEquals(records.map(({ value }) => JSON.parse(value!)), entries.map(objectOf));
  assertEquals(records.map(({ key }) => key), [null, "k1", "k2", "k3"]);
});

Deno.test("a run that began in the middle knows, once it has been at the end, that a trim up to it took nothing from it", async () => {
  const stream = freshKey();
  await add(stream, 1, 101);
  const at = { stream, partition: "0" };
  const source = await open(stream);
  const middle = await source.read(at, offsetOf("50-0"), { ...ALL, recordsMax: 10 });
  assert(middle.kind === "batch");
  // Nobody knows how many entries came before; a trim up to here may have taken some.
  assertEquals(middle.batch.anchor, "59-0/~10");
  let end = middle;
  while (end.batch.next <= offsetOf("100-0")) {
    const result = await source.read(at, end.batch.next, ALL);
    assert(result.kind === "batch");
    end = result;
  }
  assertEquals(end.batch.anchor, "100-0/100");
  await source.close();
  await add(stream, 101, 111);
  await withRedis((redis) => redis.xtrim(stream, "MINID", "101-0"));
  const on = await readOn(stream, { position: end.batch.next, anchor: end.batch.anchor! });
  assert(on.kind === "batch" && on.batch.count === 10);
  const about = await readOn(stream, { position: middle.batch.next, anchor: middle.batch.anchor! });
  assert(about.kind === "gap");
  assertEquals(about.reason, "up to 90 entries were trimmed before they were read");
});

Deno.test("the last so many entries are where a reader may begin; a server that restarts is read on", async () => {
  await using server = await OwnRedis.start();
  const [host, port] = server.address.split(":");
  const stream = freshKey();
  await addOrders(server.address, stream, 100);
  const address = { endpoints: [{ host, port: Number(port) }] };
  const source = await open(stream, { address, start: { last: 10 }, isBounded: true });
  const at = { stream, partition: "0" };
  const start = await source.start(at);
  assertEquals(start, offsetOf("91-0"));
  const first = await source.read(at, start, { ...ALL, recordsMax: 3 });
  assert(first.kind === "batch");
  server.kill();
  const reading = readPartition(source, at, first.batch.next);
  await server.startAgain();
  assertEquals((await reading).length, 7);
  await source.close();
});

Deno.test("a consumer group shows what is committed, to tools that look at groups; it is made when there is none", async () => {
  const stream = freshKey();
  await add(stream, 1, 21);
  const at = { stream, partition: "0" };
  const source = await open(stream, { group: "shown" });
  const first = await source.read(at, 0n, { ...ALL, recordsMax: 5 });
  const second = await source.read(at, offsetOf("5-0") + 1n, { ...ALL, recordsMax: 5 });
  assert(first.kind === "batch" && second.kind === "batch");
  source.release(at, first.batch.next);
  source.release(at, second.batch.next);
  await source.close();
  const [group] = await withRedis((redis) => redis.xinfo("GROUPS", stream)) as [Record<string, unknown>];
  const shown = Array.isArray(group) ? Object.fromEntries(pairs(group)) : group;
  assertEquals([shown["last-delivered-id"], shown["entries-read"], shown.lag], ["10-0", 10, 10]);
});

function pairs(list: readonly unknown[]): [string, unknown][] {
  return list.flatMap((name, i) => i % 2 === 0 ? [[String(name), list[i + 1]]] : []);
}

Deno.test("what came and went before a run read its first entry is a gap, also when the run was down meanwhile", async () => {
  for (const before of [0, 20]) {
    const stream = freshKey();
    if (before > 0) await add(stream, 1, 1 + before);
    const at = { stream, partition: "0" };
    const first = await open(stream, { start: "latest" });
    const start = await first.start(at);
    const anchor = first.startAnchor(at);
    const isIdle = (await first.read(at, start, ALL)).kind === "idle";
    await add(stream, before + 1, before + 11);
    await withRedis((redis) => redis.xtrim(stream, "MAXLEN", 4));
    const [reason] = ["6 entries were trimmed before they were read"];
    const gap = await first.read(at, start, ALL);
    await first.close();
    const next = await open(stream, { start: "latest" });
    await next.verify(at, start, anchor);
    const later = await next.read(at, start, ALL);
    await next.close();
    assert(isIdle && gap.kind === "gap" && later.kind === "gap", `${gap.kind}, ${later.kind}`);
    assertEquals([gap.reason, later.reason], [reason, reason]);
  }
});

Deno.test("a start at a time: behind the end, before all there is, or in between; older entries may be trimmed", async () => {
  const stream = freshKey();
  await add(stream, 10, 31);
  const at = { stream, partition: "0" };
  for (const [timeMs, count] of [[5, 21], [20, 11], [31, 0], [1000, 0]] as const) {
    const source = await open(stream, { start: { timeMs } });
    const start = await source.start(at);
    await source.verify(at, start, source.startAnchor(at));
    const result = await source.read(at, start, ALL);
    assertEquals(result.kind === "batch" ? result.batch.count : 0, count, `from ${timeMs}`);
    await source.close();
  }
});
