/** What servers and networks do to a run: in the end the same entries, ids and state as if nothing had happened. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { redisCli } from "../../tools/services/redis.ts";
import { signalIfRunning } from "../support/cli.ts";
import { addOrders, assertEntries, RedisJob, type RunningJob } from "../support/redis_job.ts";
import { RedisProxy } from "../support/redis_proxy.ts";
import { OwnRedis } from "../support/redis_servers.ts";
import { freshKey } from "../support/redis.ts";

const ENTRIES = 1_200;
const FEED_RECORDS = 5;

/** A server with orders, and what a run that nothing disturbs makes of them. */
async function prepare(args: readonly string[] = []) {
  const server = await OwnRedis.start(args);
  const input = freshKey();
  await addOrders(server.address, input, ENTRIES);
  await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  await job.finish();
  const expected = await job.entries();
  assertEquals(expected.length, ENTRIES);
  return { server, input, expected, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** Disturbs a run at three places of its way, and awaits its good end. */
async function disturb(job: RedisJob, disturbance: (running: RunningJob) => Promise<void>): Promise<void> {
  const running = job.start();
  for (const part of [0.1, 0.4, 0.7]) {
    await job.untilLength(ENTRIES * part);
    await disturbance(running);
  }
  await running.succeeded();
}

/** What a crash of the machine does to writes that were acknowledged and not synced: the end of the log is missing. */
async function loseEnd({ folder }: OwnRedis, bytes: number): Promise<void> {
  for await (const { name } of Deno.readDir(`${folder}/appendonlydir`)) {
    if (!name.endsWith(".incr.aof")) continue;
    const path = `${folder}/appendonlydir/${name}`;
    const { size } = await Deno.stat(path);
    await Deno.truncate(path, size - bytes);
  }
}

Deno.test("Redis: a server that syncs always is killed and comes back: nothing is lost, the run goes on", async () => {
  await using prepared = await prepare(["--appendfsync", "always"]);
  const { server, input, expected } = prepared;
  await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  await disturb(job, async () => {
    server.kill();
    await server.startAgain();
  });
  assertEntries(await job.entries(), expected);
});

Deno.test("Redis: a server loses its latest writes under a run: their feeds are run again, with identical bytes", async () => {
  await using prepared = await prepare();
  const { server, input, expected } = prepared;
  await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  const running = job.start();
  const before = await job.untilLength(ENTRIES / 2);
  server.kill();
  // A feed takes about 1,500 bytes in the log.
  await loseEnd(server, 20_000);
  await server.startAgain();
  const said = await running.succeeded();
  assert(before > ENTRIES / 2);
  assertStringIncludes(said, "they are run again and give the same bytes");
  assertEntries(await job.entries(), expected);
  assertEquals(job.events().filter(({ kind }) => kind === "sink rewound").length, 1);
});

Deno.test("Redis: server and run are lost together, and the server's latest writes with them: the next start goes on", async () => {
  await using prepared = await prepare();
  const { server, input, expected } = prepared;
  await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  for (const [part, bytes] of [[0.3, 1], [0.5, 9_000], [0.8, 30_000]] as const) {
    const running = job.start();
    await job.untilLength(ENTRIES * part);
    server.kill();
    await running.kill();
    await loseEnd(server, bytes);
    await server.startAgain();
  }
  assertStringIncludes(await job.succeed(), "they are run again and give the same bytes");
  assertEntries(await job.entries(), expected);
});

Deno.test("Redis: a checkpoint that is no one of this journal's stops the run, with both sides named", async () => {
  await using prepared = await prepare();
  const { server, input } = prepared;
  await using job = new RedisJob({ from: server.address, input });
  await job.run("settled:9");
  const [key] = (await redisCli(server.address, "KEYS", `sluice:checkpoint:job:*{${job.output}}`)).split("\n");
  await redisCli(server.address, "HSET", key, "seq", "4", "digest", "00000000000000000000000000000000");
  const { code, stderr } = await job.run();
  assertEquals(code === 0, false);
  assertStringIncludes(stderr, "has its outputs up to feed 4");
  assertStringIncludes(stderr, "they do not belong together");
});

Deno.test("Redis: connections are cut (CLIENT KILL), clients are held (CLIENT PAUSE): the run goes on", async () => {
  await using prepared = await prepare();
  const { server, input, expected } = prepared;
  await using killed = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  await disturb(killed, async () => {
    await redisCli(server.address, "CLIENT", "KILL", "TYPE", "normal");
  });
  assertEntries(await killed.entries(), expected);
  await using paused = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  await disturb(paused, async () => {
    await redisCli(server.address, "CLIENT", "PAUSE", "300", "WRITE");
  });
  assertEntries(await paused.entries(), expected);
});

Deno.test("Redis: no memory, a script that does not end, a server that is a replica for a while: the run waits", async () => {
  await using prepared = await prepare(["--busy-reply-threshold", "20"]);
  const { server, input, expected } = prepared;
  const admin = (...command: readonly string[]) => redisCli(server.address, ...command);
  const troubles: readonly (() => Promise<void>)[] = [
    async () => {
      await admin("CONFIG", "SET", "maxmemory", "1mb");
      await untilRefused(server, "OOM");
      await admin("CONFIG", "SET", "maxmemory", "0");
    },
    async () => {
      const script = admin("EVAL", "while true do end", "0").catch(() => {});
      await untilRefused(server, "BUSY");
      await admin("SCRIPT", "KILL");
      await script;
    },
    async () => {
      await admin("REPLICAOF", "127.0.0.1", "1");
      await untilRefused(server, "READONLY");
      await admin("REPLICAOF", "NO", "ONE");
    },
    async () => {
      await admin("SCRIPT", "FLUSH");
    },
  ];
  for (const trouble of troubles) {
    await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
    const running = job.start();
    await job.untilLength(ENTRIES / 3);
    await trouble();
    await running.succeeded();
    assertEntries(await job.entries(), expected);
  }
});

/** Resolves when the server has refused somebody with `code`. */
async function untilRefused({ address }: OwnRedis, code: string): Promise<void> {
  for (;;) {
    const stats = await redisCli(address, "INFO", "errorstats").catch(() => "");
    if (stats.includes(`errorstat_${code}:`) || stats.startsWith("BUSY")) return;
  }
}

Deno.test("Redis: the reply to any kind of request is lost, once each: the run goes on", async () => {
  await using prepared = await prepare();
  const { server, input, expected } = prepared;
  // Commits and reads in the middle of their work; of the others the first, without which a run cannot begin.
  const doomed = { EVALSHA: 20, MULTI: 20, EVAL: 1, XINFO: 1, SCRIPT: 1, INFO: 1, TYPE: 1, HELLO: 1 };
  for (const [command, nth] of Object.entries(doomed)) {
    await using proxy = RedisProxy.start(server.address);
    await using job = new RedisJob({ from: proxy.address, input, feedRecords: FEED_RECORDS });
    proxy.loseReplyTo(command, nth);
    await job.succeed();
    assertEntries(await job.entries(server.address), expected, command);
    assertEquals(proxy.lost, 1, command);
  }
});

Deno.test("Redis: a run that was taken over while it stood still writes nothing more, and names who has its task", async () => {
  await using prepared = await prepare();
  const { server, input, expected } = prepared;
  await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
  const zombie = job.start();
  await job.untilLength(ENTRIES / 3);
  zombie.child.kill("SIGSTOP");
  const successor = await job.run(undefined, ["--journal", await job.copyJournal()]);
  assertEquals(successor.code, 0, successor.stderr);
  assertEntries(await job.entries(), expected);
  zombie.child.kill("SIGCONT");
  const { code, stderr } = await zombie.ended;
  assertEquals(code === 0, false);
  assertStringIncludes(stderr, "took the task over");
  assertEntries(await job.entries(), expected);
});

Deno.test("Redis: two instances with one name and two journals: one is stopped, each output is there once", async () => {
  await using prepared = await prepare();
  const { server, input, expected } = prepared;
  const output = freshKey();
  const options = { from: server.address, input, output, feedRecords: FEED_RECORDS };
  await using one = new RedisJob(options);
  await using two = new RedisJob(options);
  const running = one.start();
  await one.untilLength(ENTRIES / 3);
  const second = await two.run();
  assertEquals(second.code === 0, false);
  assertStringIncludes(second.stderr, "do not belong together");
  await running.ended;
  await one.finish();
  assertEntries(await one.entries(), expected);
});

Deno.test("Redis: an input that is trimmed while the run is down, or while it reads, is an error and never a silent gap", async () => {
  await using server = await OwnRedis.start();
  for (const isDown of [true, false]) {
    const input = freshKey();
    await addOrders(server.address, input, ENTRIES);
    await using job = new RedisJob({ from: server.address, input, feedRecords: FEED_RECORDS });
    const running = job.start();
    await job.untilLength(FEED_RECORDS);
    if (isDown) {
      signalIfRunning(running.child, "SIGINT");
      await running.ended;
    }
    await redisCli(server.address, "XTRIM", input, "MINID", `${ENTRIES - 3}-0`);
    const { code, stderr } = isDown ? await job.run() : await running.ended;
    const written = (await job.entries()).length;
    // It may have been done before the trim, or before the signal.
    if (written === ENTRIES) continue;
    assertEquals(code === 0, false);
    assertStringIncludes(stderr, "entries were trimmed before they were read");
    const accepted = await job.run(undefined, ["--accept-gap"]);
    assertEquals([accepted.code, (await job.entries()).length], [0, written + 4], accepted.stderr);
  }
});
