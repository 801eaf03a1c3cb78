/** From stream to stream, killed after every step and at random moments: entries, ids and state as if nothing had happened. */

import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { runCli, spawnCli } from "../support/cli.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";

const ENTRIES = 600;
const KEYS = 7;
const FEED_RECORDS = 50;
const RANDOM_KILLS = 10;
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);
const STEPS = ["sealed", "processed", "prepared", "committed", "settled"] as const;

const SCRIPT = scriptOf(
  `const n = (context.state.get<number>(key) ?? 0) + value.cents;
   context.state.set(key, n);
   context.emit({ key, value: { n, id: context.uuid(), at: context.now } });`,
);

const { host, port } = await redisAddress();
const uri = (stream: string) => `redis://${host}:${port}/${stream}`;

async function fill(stream: string): Promise<void> {
  await withRedis(async (redis) => {
    const pipeline = redis.pipeline();
    for (let i = 1; i <= ENTRIES; i++) pipeline.xadd(stream, `${i}-0`, "v", `{"cents":${i}}`, "k", `c${i % KEYS}`);
    await pipeline.exec();
  });
}

async function entriesOf(stream: string): Promise<readonly string[]> {
  return await withRedis(async (redis) => (await redis.xrange(stream, "-", "+")).map((entry) => JSON.stringify(entry)));
}

/** Resolves when a run has written so many entries. */
async function untilLength(stream: string, length: number): Promise<void> {
  await withRedis(async (redis) => {
    const deadlineMs = performance.now() + 60_000;
    while (await redis.xlen(stream) <= length) {
      if (performance.now() > deadlineMs) throw new Error(`the run never wrote ${length} entries`);
    }
  });
}

class Job implements AsyncDisposable {
  readonly folder = new TestFolder();
  readonly output = freshKey();
  readonly #args: readonly string[];

  constructor(input: string, feedRecords = FEED_RECORDS) {
    this.folder.write("p.ts", SCRIPT);
    this.#args = ["run", "p.ts", "--from", `${uri(input)}?key=k`, "--to", uri(this.output), "--name", "job"]
      .concat(["--until-end", "--quiet", "--clock", "event", "--feed-records", String(feedRecords)]);
  }

  async run(crashAt?: string): Promise<number> {
    const { code, stderr } = await runCli(this.#args, {
      cwd: this.folder.path,
      ...(crashAt === undefined ? {} : { crashAt }),
    });
    assertEquals(code === 0 ? stderr : "", "");
    return code;
  }

  start(): Deno.ChildProcess {
    return spawnCli(this.#args, { cwd: this.folder.path });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.folder[Symbol.asyncDispose]();
  }
}

const input = freshKey();
await fill(input);

async function uncrashed(feedRecords?: number): Promise<readonly string[]> {
  await using job = new Job(input, feedRecords);
  assertEquals(await job.run(), 0);
  return await entriesOf(job.output);
}

Deno.test("Redis: killed after every step, a run ends as if it had never been killed, ids included", async () => {
  const expected = await uncrashed();
  assertEquals(expected.length, ENTRIES);
  for (const step of STEPS) {
    await using job = new Job(input);
    for (const feed of [0, 3]) assertNotEquals(await job.run(`${step}:${feed}`), 0, `no crash after ${step}`);
    assertEquals(await job.run(), 0);
    assertEquals(await entriesOf(job.output), expected, step);
  }
});

Deno.test("Redis: killed at random moments, a run ends as if it had never been killed", async () => {
  console.log(`seed ${SEED}`);
  const expected = await uncrashed(5);
  let random = SEED;
  await using job = new Job(input, 5);
  let kills = 0;
  for (let from = 0; kills < RANDOM_KILLS && from < ENTRIES; from = (await entriesOf(job.output)).length) {
    random = Math.imul(random, 1664525) + 1013904223 >>> 0;
    const target = Math.min(from + random % (ENTRIES / RANDOM_KILLS), ENTRIES - 1);
    const child = job.start();
    await untilLength(job.output, target);
    child.kill("SIGKILL");
    await child.output();
    await child.stdin.close().catch(() => {});
    kills++;
  }
  console.log(`${kills} kills`);
  assert(kills > 3, "the run ended before it was killed often enough");
  assertEquals(await job.run(), 0);
  assertEquals(await entriesOf(job.output), expected);
});
