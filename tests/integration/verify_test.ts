/** `run --verify` over inputs that grow: what comes after the first check can be read again as well. */

import { assertEquals } from "@std/assert";
import { outputOrKilledAfter, spawnCli } from "../support/cli.ts";
import { freshStream, kinesisEndpoint, putRecords } from "../support/kinesis.ts";
import { freshTopic, kafkaAddress, writeTopic } from "../support/kafka.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress } from "../support/redis.ts";
import { addOrders } from "../support/redis_job.ts";
import { until } from "../support/until.ts";

interface System {
  readonly uri: string;
  /** Adds so many records, the first of which is `from`. */
  readonly add: (count: number, from: number) => Promise<unknown>;
}

async function redis(): Promise<System> {
  const { host, port } = await redisAddress();
  const [address, stream] = [`${host}:${port}`, freshKey()];
  return { uri: `redis://${address}/${stream}`, add: (count, from) => addOrders(address, stream, count, from) };
}

async function kafka(): Promise<System> {
  const topic = await freshTopic(1);
  const record = (n: number) => ({ partition: 0, key: null, value: JSON.stringify({ cents: n }) });
  return {
    uri: `kafka://${await kafkaAddress()}/${topic}`,
    add: (count, from) => writeTopic(topic, Array.from({ length: count }, (_, i) => record(from + i))),
  };
}

async function kinesis(): Promise<System> {
  const { stream } = await freshStream();
  const record = (n: number) => ({ key: "a", value: JSON.stringify({ cents: n }) });
  return {
    uri: `kinesis://us-east-1/${stream}?endpoint=${await kinesisEndpoint()}`,
    add: (count, from) => putRecords(stream, Array.from({ length: count }, (_, i) => record(from + i))),
  };
}

function file(folder: TestFolder): System {
  const lines = (count: number, from: number) => Array.from({ length: count }, (_, i) => `{"cents":${from + i}}\n`);
  const path = folder.write("in.ndjson", "");
  return {
    uri: "in.ndjson",
    add: (count, from) => Deno.writeTextFile(path, lines(count, from).join(""), { append: true }),
  };
}

for (const [name, system] of [["Redis", redis], ["Kafka", kafka], ["Kinesis", kinesis], ["a file", file]] as const) {
  Deno.test(`${name}: a run that is verified while its input grows finds nothing, as there is nothing to find`, async () => {
    await using folder = new TestFolder();
    folder.write("p.ts", scriptOf("context.emit({ value: { ...value, id: context.uuid() } });"));
    folder.write("out.ndjson", "");
    const { uri, add } = await system(folder);
    const lines = () => folder.read("out.ndjson").split("\n").length - 1;
    await add(20, 1);
    const args = ["run", "p.ts", "--from", uri, "--to", "out.ndjson", "--feed-records", "5", "--verify", "1"];
    const child = spawnCli(args, { cwd: folder.path });
    const ended = outputOrKilledAfter(child, 60_000);
    try {
      await until(() => lines() === 20);
      await add(20, 21);
      await until(() => lines() === 40);
    } finally {
      child.kill("SIGTERM");
    }
    const { code, stderr } = await ended;
    const said = new TextDecoder().decode(stderr).split("\n").filter((line) => /DIVERGED|verified/.test(line));
    assertEquals([code, said], [0, []]);
  });
}
