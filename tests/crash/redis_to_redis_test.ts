/** From stream to stream, killed after every step and at random moments: entries, ids and state as if nothing had happened. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { addOrders, RedisJob } from "../support/redis_job.ts";
import { freshKey, redisAddress } from "../support/redis.ts";

const ENTRIES = 600;
const RANDOM_KILLS = 50;
/** So that a run is killed at work. */
const SMALL_FEED = 2;
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
const STEPS = ["sealed", "processed", "prepared", "committed", "settled"] as const;

const { host, port } = await redisAddress();
const from = `${host}:${port}`;
const input = freshKey();
await addOrders(from, input, ENTRIES);

async function uncrashed(feedRecords?: number) {
  await using job = new RedisJob({ from, input, ...(feedRecords === undefined ? {} : { feedRecords }) });
  await job.finish();
  return await outcomeOf(job);
}

/** What redis-cli reads, and what the journal says. */
async function outcomeOf(job: RedisJob) {
  return { entries: await job.entries(), digests: job.digests() };
}

Deno.test("Redis: killed after every step, a run ends as if it had never been killed, ids included", async () => {
  const expected = await uncrashed();
  assertEquals(expected.entries.length, ENTRIES);
  for (const step of STEPS) {
    await using job = new RedisJob({ from, input });
    for (const feed of [0, 3]) {
      const { code } = await job.run(`${step}:${feed}`);
      assertNotEquals(code, 0, `no crash after ${step}`);
    }
    await job.finish();
    assertEquals(await outcomeOf(job), expected, step);
  }
});

Deno.test("Redis: killed 50 times at random moments, a run ends as if it had never been killed", async () => {
  console.log(`seed ${SEED}`);
  const expected = await uncrashed(SMALL_FEED);
  let random = SEED;
  await using job = new RedisJob({ from, input, feedRecords: SMALL_FEED });
  let kills = 0;
  for (let at = 0; kills < RANDOM_KILLS && at < ENTRIES; at = (await job.entries()).length) {
    random = Math.imul(random, 1664525) + 1013904223 >>> 0;
    const running = job.start();
    // Somewhere within the next entries that it writes, or within its recovery.
    await job.untilLength(Math.min(at + random % (ENTRIES / RANDOM_KILLS), ENTRIES - 1));
    await running.kill();
    kills++;
  }
  console.log(`${kills} kills`);
  assert(kills > RANDOM_KILLS / 3, "the run ended before it was killed often enough");
  await job.finish();
  assertEquals(await outcomeOf(job), expected);
});
