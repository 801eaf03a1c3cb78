/** Outputs of one processor that go to different systems: killed after every step, each system has its own, once. */

import { assertEquals } from "@std/assert";
import { runCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, readTopic } from "../support/kafka.ts";
import { TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";

const RECORDS = 90;
const NAMES = ["zero", "one", "two"];
const SCRIPT = `import { defineProcessor, json } from "@sluice/sluice/processor";
const NAMES = ${JSON.stringify(NAMES)} as const;
export default defineProcessor({
  name: "spread",
  input: json<number>(),
  outputs: { zero: json<number>(), one: json<number>(), two: json<number>() },
  process({ value }, { emit, state }) {
    const sum = (state.get<number>("sum") ?? 0) + value;
    state.set("sum", sum);
    emit({ key: String(value), value: sum }, NAMES[value % NAMES.length]);
  },
});
`;

Deno.test("Kafka, Redis and a file at once: killed after every step, each has its outputs, once and in order", async () => {
  await using folder = new TestFolder();
  folder.write("spread.ts", SCRIPT);
  folder.write("in.ndjson", Array.from({ length: RECORDS }, (_, i) => `${i}\n`).join(""));
  const [topic, stream, { host, port }] = [await freshTopic(), freshKey(), await redisAddress()];
  const to = [`kafka://${await kafkaAddress()}/${topic}`, `redis://${host}:${port}/${stream}`, "file:out.ndjson"];
  const args = ["run", "spread.ts", "--from", "file:in.ndjson", "--until-end", "--quiet", "--feed-records", "5"]
    .concat(["--name", freshKey()], to.flatMap((uri, i) => ["--to", `${NAMES[i]}=${uri}`]));
  let seq = 0;
  for (const step of ["sealed", "processed", "prepared", "committed", "settled"]) {
    const { signal, stderr } = await runCli(args, { cwd: folder.path, crashAt: `${step}:${seq}` });
    assertEquals(signal, "SIGKILL", `${step}:${seq} was never reached: ${stderr}`);
    seq += 3;
  }
  const { code, stderr } = await runCli(args, { cwd: folder.path });
  assertEquals([code, stderr], [0, ""]);
  const entries = await withRedis((redis) => redis.xrange(stream, "-", "+"));
  const found = [
    (await readTopic(topic)).map(({ value }) => Number(value)),
    entries.map(([, fields]) => Number(fields[fields.indexOf("v") + 1])),
    folder.read("out.ndjson").trim().split("\n").map(Number),
  ];
  const sums = Array.from({ length: RECORDS }, (_, i) => i * (i + 1) / 2);
  assertEquals(found, NAMES.map((_, part) => sums.filter((_, i) => i % NAMES.length === part)));
});
