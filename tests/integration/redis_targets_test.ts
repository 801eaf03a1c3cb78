/** What outputs become in Redis: entries with fields, ids and limits of all kinds, hashes, lists, channels. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisSink } from "../../adapters/redis/sink.ts";
import type { RedisTarget } from "../../adapters/redis/targets.ts";
import { SinkError } from "../../adapters/sink.ts";
import { headersToJson } from "../../engine/headers.ts";
import { packOutputs, type UnpackedOutput } from "../../formats/unpacked_outputs.ts";
import { commitOf } from "../conformance/sink_suite.ts";
import { freshKey, redisServers, withRedis } from "../support/redis.ts";

const FIELDS = { value: "v", key: "k" };

function output(value: string | null, more: Partial<UnpackedOutput> = {}): UnpackedOutput {
  return { name: 0, key: null, value, timeMs: 5, ...more };
}

function stream(more: Partial<RedisTarget> = {}): RedisTarget {
  return { kind: "stream", key: freshKey(), fields: FIELDS, ...more };
}

/** A sink with one target, whose commits are numbered. */
async function open(target: RedisTarget) {
  const targets = new Map([["default", target]]);
  const sink = await RedisSink.open({ address: await redisServers(), targets, run: target.key });
  let seq = (await sink.acquire("0", 1n)).checkpoint?.seq ?? -1;
  return {
    sink,
    async commit(...outputs: readonly UnpackedOutput[]): Promise<void> {
      await sink.commit({ ...commitOf(seq + 1, 1n, []), outputs: packOutputs(outputs) });
      seq++;
    },
    [Symbol.asyncDispose]: () => sink.close(),
  };
}

const entriesOf = (key: string) => withRedis((redis) => redis.xrange(key, "-", "+"));

Deno.test("a hash has the latest value per key; a tombstone takes it out; an output without a key is refused", async () => {
  const target: RedisTarget = { kind: "hash", key: freshKey(), fields: {} };
  await using opened = await open(target);
  assertEquals(opened.sink.guarantee, "exactly-once");
  await opened.commit(output("1", { key: "a" }), output("2", { key: "b" }), output("3", { key: "a" }));
  await opened.commit(output(null, { key: "b" }), output("", { key: "c" }));
  assertEquals(await withRedis((redis) => redis.hgetall(target.key)), { a: "3", c: "" });
  const error = await assertRejects(() => opened.commit(output("x")), SinkError, "it has no key");
  assertEquals(error.code, "E_NO_KEY");
});

Deno.test("a list gets elements, a channel messages, in order and at least once; both need a value", async () => {
  const list: RedisTarget = { kind: "list", key: freshKey(), fields: {} };
  await using toList = await open(list);
  assertEquals(toList.sink.guarantee, "at-least-once");
  await toList.commit(output("1"), output("2", { key: "dropped" }), output("3"));
  assertEquals(await withRedis((redis) => redis.lrange(list.key, 0, -1)), ["1", "2", "3"]);
  await assertRejects(() => toList.commit(output(null, { key: "k" })), SinkError, "it has no value");

  const channel: RedisTarget = { kind: "channel", key: freshKey(), fields: {} };
  await using toChannel = await open(channel);
  await withRedis(async (redis) => {
    const heard: string[] = [];
    const all = Promise.withResolvers<void>();
    redis.on("message", (_channel: string, text: string) => {
      heard.push(text);
      if (heard.length === 2) all.resolve();
    });
    await redis.subscribe(channel.key);
    await toChannel.commit(output("1"), output("2"));
    await all.promise;
    assertEquals(heard, ["1", "2"]);
  });
});

Deno.test("a stream in parts: keys decide as they do in Kafka, an output may name its part, keyless feeds take turns", async () => {
  const target = stream({ parts: { first: 0, last: 3 } });
  await using opened = await open(target);
  const keys = ["a", "b", "c", "d", "e", "f"];
  await opened.commit(...keys.map((key) => output(key, { key })));
  await opened.commit(...keys.map((key) => output(key, { key })));
  await opened.commit(output("third"), output("named", { partition: 1 }));
  const parts = await Promise.all([0, 1, 2, 3].map((part) => entriesOf(`${target.key}:${part}`)));
  const values = parts.map((part) => part.map(([, fields]) => fields[1]));
  for (const key of keys) assertEquals(values.filter((each) => each.includes(key)).length, 1, key);
  assert(values.filter((each) => each.length > 0).length > 1);
  assertEquals([values[2].includes("third"), values[1].includes("named")], [true, true]);
  const error = await assertRejects(() => opened.commit(output("x", { partition: 4 })), SinkError, "the stream has 4");
  assertEquals(error.code, "E_NO_PARTITION");
});

Deno.test("a stream keeps about so many entries, or those that are not too old for the feed", async () => {
  const byLength = stream({ lengthMax: 500 });
  await using long = await open(byLength);
  for (let feed = 0; feed < 10; feed++) await long.commit(...Array.from({ length: 200 }, () => output("x")));
  const length = await withRedis((redis) => redis.xlen(byLength.key));
  assert(length >= 500 && length < 800, `${length} entries`);
  const byAge = stream({ ageMsMax: 1_000 });
  await using old = await open(byAge);
  for (let feed = 0; feed < 10; feed++) {
    await old.commit(...Array.from({ length: 200 }, () => output("x", { timeMs: 1_000 * feed })));
  }
  const [[oldest]] = await entriesOf(byAge.key);
  assert(Number(oldest.split("-")[0]) >= 7_000, `the oldest is ${oldest}`);
});

Deno.test("headers become fields, an object's members too; what would be a field twice, or none, is refused", async () => {
  const target = stream();
  await using opened = await open(target);
  const headers = headersToJson([["trace", "t1"], ["none", null], ["raw", Uint8Array.of(255, 0)]]);
  await opened.commit(output("1", { key: "a", headers }), output("2"));
  const entries = await withRedis((redis) => redis.xrangeBuffer(target.key, "-", "+"));
  assertEquals(entries.map(([, fields]) => fields.map((field) => field.toString("latin1"))), [
    ["v", "1", "k", "a", "trace", "t1", "raw", "\xff\0"],
    ["v", "2"],
  ]);
  const clash = output("1", { headers: headersToJson({ v: "x" }) });
  await assertRejects(() => opened.commit(clash), SinkError, "the name of the field");

  const whole = stream({ fields: {} });
  await using objects = await open(whole);
  await objects.commit(output(`{"a":"text","n":1.5,"deep":{"b":[null]}}`, { key: "ignored" }));
  assertEquals((await entriesOf(whole.key)).map(([, fields]) => fields), [
    ["a", "text", "n", "1.5", "deep", `{"b":[null]}`],
  ]);
  await assertRejects(() => objects.commit(output(`[1]`)), SinkError, "its value is no object");
  await assertRejects(() => objects.commit(output(`{}`)), SinkError, "at least one field");
});

Deno.test("ids that outputs bring: rising, above the stream's last; otherwise nothing of the feed is written", async () => {
  const target = stream({ idHeader: "id" });
  await using opened = await open(target);
  const at = (id: string) => output(id, { headers: headersToJson({ id }) });
  await opened.commit(at("5-1"), at("5-2"), at("0007-0"));
  const ids = async () => (await entriesOf(target.key)).map(([id]) => id);
  assertEquals(await ids(), ["5-1", "5-2", "7-0"]);
  const refused: readonly (readonly [readonly UnpackedOutput[], string])[] = [
    [[at("8-0"), at("8-0")], "is not above the one before"],
    [[at("7-0"), at("9-0")], "has 7-0, the first new id is 7-0"],
    [[output("x")], "which has its id, is missing"],
    [[at("now")], "is now; milliseconds-sequence is wanted"],
    [[at("8-0"), at("18446744073709551616-0")], "milliseconds-sequence is wanted"],
    [[at("0-0")], "milliseconds-sequence is wanted"],
  ];
  for (const [outputs, reason] of refused) await assertRejects(() => opened.commit(...outputs), SinkError, reason);
  assertEquals(await ids(), ["5-1", "5-2", "7-0"]);
  await opened.commit(at("10-0"));
  assertEquals((await ids()).at(-1), "10-0");
});

Deno.test("what the server would refuse after it has begun to write is refused before: fields without end, numbers used up", async () => {
  const target = stream();
  await using opened = await open(target);
  const headers = headersToJson(Array.from({ length: 4_000 }, (_, i) => [`h${i}`, "x"] as const));
  await assertRejects(() => opened.commit(output("1"), output("2", { headers })), SinkError, "fields");
  await withRedis((redis) => redis.xadd(target.key, "5-18446744073709551615", "v", "foreign"));
  await assertRejects(() => opened.commit(output("1")), SinkError, "no number is left");
  assertEquals((await entriesOf(target.key)).length, 1);
  await opened.commit(output("1", { timeMs: 6 }));
  assertEquals((await entriesOf(target.key)).length, 2);
});

Deno.test("two outputs share a key when they go there in the same way, and are refused when not", async () => {
  const target = stream({ parts: { first: 0, last: 1 } });
  const address = await redisServers();
  const both = (other: RedisTarget) =>
    RedisSink.open({ address, targets: new Map([["default", target], ["other", other]]), run: target.key });
  await (await both({ ...target })).close();
  const others = [{ ...target, parts: { first: 1, last: 3 } }, { ...target, lengthMax: 5 }, {
    ...target,
    idHeader: "id",
  }];
  for (const other of others) {
    await assertRejects(() => both(other), SinkError, "two outputs go there in different ways");
  }
});
