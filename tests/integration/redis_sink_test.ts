/** What a Redis stream has after commits that were refused, lost, or repeated; and whose they were. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisSink } from "../../adapters/redis/sink.ts";
import { SinkError } from "../../adapters/sink.ts";
import { packOutputs, type UnpackedOutput } from "../../formats/unpacked_outputs.ts";
import { commitOf } from "../conformance/sink_suite.ts";
import { freshKey, redisServers, withRedis } from "../support/redis.ts";

const fields = { value: "v", key: "k" };

async function open(run: string, streams: Readonly<Record<string, string>>): Promise<RedisSink> {
  const address = await redisServers();
  const targets = Object.entries(streams).map(([output, key]) => [output, { kind: "stream", key, fields }] as const);
  return await RedisSink.open({ address, targets: new Map(targets), run });
}

const entriesOf = (stream: string) => withRedis((redis) => redis.xrange(stream, "-", "+"));

function output(value: string | null, more: Partial<UnpackedOutput> = {}): UnpackedOutput {
  return { name: 0, key: null, value, timeMs: 5, ...more };
}

Deno.test("whoever takes a task over shuts out its former owner; a feed out of order is refused", async () => {
  const stream = freshKey();
  const [old, successor] = [await open(stream, { default: stream }), await open(stream, { default: stream })];
  await old.acquire("0", 1n);
  await old.commit(commitOf(0, 1n, ["1"]));
  const { checkpoint } = await successor.acquire("0", 2n);
  assertEquals(checkpoint, { seq: 0, epoch: 1n, receipt: {}, digest: "0".repeat(32) });
  const fenced = await assertRejects(
    () => old.commit(commitOf(1, 1n, ["zombie"])),
    SinkError,
    "took the task over, with epoch 2",
  );
  assertEquals([fenced.code, fenced.isRetriable], ["E_FENCED", false]);
  await assertRejects(() => successor.commit(commitOf(2, 2n, ["early"])), SinkError, "the checkpoint is at feed 0");
  await successor.commit(commitOf(1, 2n, ["2"]));
  assertEquals((await entriesOf(stream)).map(([, fields]) => fields), [["v", "1"], ["v", "2"]]);
  await old.close();
  await successor.close();
});

Deno.test("a connection that was cut is replaced when the task is acquired again; its checkpoint tells what happened", async () => {
  const stream = freshKey();
  const sink = await open(stream, { default: stream });
  await sink.acquire("0", 1n);
  await sink.commit(commitOf(0, 1n, ["1"]));
  await withRedis((redis) => redis.call("CLIENT", "KILL", "TYPE", "normal"));
  const error = await assertRejects(() => sink.commit(commitOf(1, 1n, ["2"])), SinkError);
  assertEquals([error.code, error.isRetriable], ["E_COMMIT_UNKNOWN", true]);
  const { checkpoint } = await sink.acquire("0", 1n);
  assertEquals(checkpoint?.seq, 0);
  await sink.commit(commitOf(1, 1n, ["2"]));
  assertEquals((await entriesOf(stream)).map(([, fields]) => fields[1]), ["1", "2"]);
  await sink.close();
});

Deno.test("an attempt of its own that arrives late does not take a task from whoever has it: it is acquired again", async () => {
  const stream = freshKey();
  const sink = await open(stream, { default: stream });
  await sink.acquire("0", 1n);
  const [checkpoint] = await withRedis((redis) => redis.keys(`sluice:checkpoint:${stream}:0:*`));
  const late = await withRedis((redis) => redis.hget(checkpoint, "owner"));
  await sink.acquire("0", 1n);
  await sink.commit(commitOf(0, 1n, ["1"]));
  await withRedis((redis) => redis.hset(checkpoint, "owner", late!));
  const error = await assertRejects(() => sink.commit(commitOf(1, 1n, ["2"])), SinkError);
  assertEquals([error.code, error.isRetriable], ["E_COMMIT_UNKNOWN", true]);
  assertEquals((await sink.acquire("0", 1n)).checkpoint?.seq, 0);
  await sink.commit(commitOf(1, 1n, ["2"]));
  assertEquals((await entriesOf(stream)).map(([, fields]) => fields[1]), ["1", "2"]);
  await sink.close();
});

Deno.test("ids are the feed's time; a stream that several tasks share never goes back; outputs keep key and tombstone", async () => {
  const [stream, other] = [freshKey(), freshKey()];
  const sink = await open(stream, { default: stream, other });
  const commit = async (task: string, timeMs: number, outputs: readonly UnpackedOutput[]) => {
    await sink.acquire(task, 1n);
    const packed = packOutputs(outputs.map((each) => ({ ...each, timeMs })));
    await sink.commit({ ...commitOf(0, 1n, []), task, outputs: packed, outputNames: ["default", "other"] });
  };
  await commit("0", 2000, [output("a"), output(null, { key: "gone" }), output("b", { key: "k1", name: 1 })]);
  await commit("1", 1000, [output("late")]);
  await commit("2", 3000, [output("")]);
  assertEquals(await entriesOf(stream), [
    ["2000-0", ["v", "a"]],
    ["2000-1", ["k", "gone"]],
    ["2000-2", ["v", "late"]],
    ["3000-0", ["v", ""]],
  ]);
  assertEquals(await entriesOf(other), [["2000-0", ["v", "b", "k", "k1"]]]);
  await sink.acquire("3", 1n);
  const nothing = { ...commitOf(0, 1n, []), task: "3", outputs: packOutputs([output(null)]) };
  const error = await assertRejects(() => sink.commit(nothing), SinkError, "neither key nor value");
  assert(!error.isRetriable);
  await sink.close();
});

Deno.test("a key that is no stream refuses the feed as a whole, before anything is written", async () => {
  const [stream, list] = [freshKey(), freshKey()];
  await withRedis((redis) => redis.lpush(list, "x"));
  const sink = await open(stream, { default: stream, other: list });
  await sink.acquire("0", 1n);
  const outputs = packOutputs([output("1"), output("2", { name: 1 })]);
  const commit = { ...commitOf(0, 1n, []), outputs, outputNames: ["default", "other"] };
  await assertRejects(() => sink.commit(commit), SinkError, "WRONGTYPE");
  assertEquals([await entriesOf(stream), (await sink.acquire("0", 1n)).checkpoint], [[], undefined]);
  await sink.close();
});

Deno.test("a server that may drop the checkpoint is refused", async () => {
  const stream = freshKey();
  await withRedis((redis) => redis.config("SET", "maxmemory-policy", "allkeys-lru"));
  try {
    const error = await assertRejects(() => open(stream, { default: stream }), SinkError, "noeviction or volatile-");
    assertEquals(error.code, "E_EVICTION");
  } finally {
    await withRedis((redis) => redis.config("SET", "maxmemory-policy", "noeviction"));
  }
});
