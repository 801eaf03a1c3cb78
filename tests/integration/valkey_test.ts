/** Valkey, which speaks Redis's protocol and goes its own way: the same suites, and what Debian's Redis does not have yet. */

import { assert, assertEquals, assertRejects } from "@std/assert";
import { RedisSink } from "../../adapters/redis/sink.ts";
import { SinkError } from "../../adapters/sink.ts";
import { redisCli } from "../../tools/services/redis.ts";
import { valkeyProgram } from "../../tools/services/valkey.ts";
import { commitOf } from "../conformance/sink_suite.ts";
import { freshKey } from "../support/redis.ts";
import { addOrders, RedisJob } from "../support/redis_job.ts";
import { OwnRedis } from "../support/redis_servers.ts";

const ENTRIES = 600;
const program = await valkeyProgram();

Deno.test("Valkey: a run that is killed, whose server loses its latest writes, ends as if nothing had happened", async () => {
  await using server = await OwnRedis.start([], { program });
  assert((await redisCli(server.address, "INFO", "server")).includes("valkey_version:9"));
  const input = freshKey();
  await addOrders(server.address, input, ENTRIES);
  await using undisturbed = new RedisJob({ from: server.address, input, feedRecords: 10 });
  await undisturbed.finish();
  const expected = await undisturbed.entries();
  assertEquals(expected.length, ENTRIES);
  await using job = new RedisJob({ from: server.address, input, feedRecords: 10 });
  for (const part of [0.2, 0.5]) {
    const running = job.start();
    await job.untilLength(ENTRIES * part);
    await running.kill();
    server.kill();
    await server.startAgain();
  }
  await job.finish();
  assertEquals(await job.entries(), expected);
});

Deno.test("Valkey: with aof=true a commit counts when it is synced; a server without a log cannot say so", async () => {
  await using server = await OwnRedis.start([], { program });
  const input = freshKey();
  await addOrders(server.address, input, 100);
  await using job = new RedisJob({ from: server.address, input, feedRecords: 50, toOptions: "?aof=true" });
  await job.finish();
  assertEquals((await job.entries()).length, 100);
  await redisCli(server.address, "CONFIG", "SET", "appendonly", "no");
  const [host, port] = server.address.split(":");
  const sink = await RedisSink.open({
    address: { endpoints: [{ host, port: Number(port) }] },
    targets: new Map([["default", { kind: "stream", key: freshKey(), fields: { value: "v" } }]]),
    durability: { replicas: 0, isOnDisk: true, timeoutMs: 50 },
    run: "r",
  });
  const error = await assertRejects(() => sink.acquire("0", 1n), SinkError, "appendonly is disabled");
  assertEquals(error.isRetriable, false);
  await assertRejects(() => Promise.resolve(sink.commit(commitOf(0, 1n, ["x"]))), Error, "it was not acquired");
  await sink.close();
});
