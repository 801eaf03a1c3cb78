/** Feeds that end in the middle of what was read: what is trimmed behind them before it is read is told as anywhere else. */

import { assertEquals, assertMatch } from "@std/assert";
import { type CliResult, runCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, withAdmin, writeTopic } from "../support/kafka.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";

const HALTING = scriptOf("if (value === 5) throw new Error('bad'); context.emit({ value });");
const MENDED = scriptOf("context.emit({ value });");

/** A run that record 5 halts, one with mended code, after `meanwhile`. */
async function haltedThenMended(from: string, meanwhile: () => Promise<unknown>): Promise<CliResult> {
  await using folder = new TestFolder();
  const args = ["run", "p.ts", "--from", from, "--to", "file:out.ndjson", "--until-end", "--quiet"];
  folder.write("p.ts", HALTING);
  const halted = await runCli(args, { cwd: folder.path });
  assertMatch(halted.stderr, /^Cannot process/);
  await meanwhile();
  folder.write("p.ts", MENDED);
  return await runCli(args, { cwd: folder.path });
}

Deno.test("Redis: entries that were trimmed behind the one that a halted feed ended with are a gap", async () => {
  const [stream, { host, port }] = [freshKey(), await redisAddress()];
  await withRedis(async (redis) => {
    for (let i = 0; i < 10; i++) await redis.xadd(stream, `${i + 1}-0`, "v", String(i));
  });
  const from = `redis://${host}:${port}/${stream}`;
  const { code, stderr } = await haltedThenMended(
    from,
    () => withRedis((redis) => redis.xtrim(stream, "MINID", "8-0")),
  );
  assertEquals(code, 1);
  assertMatch(stderr, /offset 6-0 is gone, the first left is 8-0; 2 entries were trimmed/);
});

Deno.test("Kafka: a topic that was made anew while a halted run was mended is recognised", async () => {
  const topic = await freshTopic();
  const write = () =>
    writeTopic(topic, Array.from({ length: 10 }, (_, i) => ({ partition: 0, key: null, value: String(i) })));
  await write();
  const { code, stderr } = await haltedThenMended(`kafka://${await kafkaAddress()}/${topic}`, async () => {
    await withAdmin((admin) => admin.deleteTopics({ topics: [topic] }));
    await withAdmin((admin) => admin.createTopics({ topics: [{ topic, numPartitions: 1 }], waitForLeaders: true }));
    await write();
  });
  assertEquals(code, 1);
  assertMatch(stderr, /the topic was deleted and made anew/);
});

Deno.test("a file whose beginning was rewritten while a halted run was mended is recognised", async () => {
  await using inputs = new TestFolder();
  const path = inputs.write("in.ndjson", Array.from({ length: 10 }, (_, i) => `${i}\n`).join(""));
  const { code, stderr } = await haltedThenMended(`file:${path}`, () => {
    return Promise.resolve(inputs.write("in.ndjson", Array.from({ length: 10 }, (_, i) => `${9 - i}\n`).join("")));
  });
  assertEquals(code, 1, stderr);
  assertMatch(stderr, /Cannot go on reading|is not what|changed/);
});
