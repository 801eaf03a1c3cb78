/** Looking back at runs over real systems: Redis and Kafka, with their own offsets, and away from them. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { type CliResult, runCli, spawnCli } from "../support/cli.ts";
import { inspectorUrl, TestDebugger } from "../support/debugger.ts";
import { freshTopic, kafkaAddress, readTopic, withAdmin, writeTopic } from "../support/kafka.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress, withRedis } from "../support/redis.ts";
import { addOrders } from "../support/redis_job.ts";

const BODY = `const sum = (context.state.get<number>("sum") ?? 0) + value.cents; context.state.set("sum", sum);
  context.emit({ key, value: { cents: value.cents, sum, id: context.uuid(), at: context.now } });`;

/** Runs over some system, and the places of two of its records. */
interface System {
  readonly from: string;
  readonly to: string;
  /** The place of the 13th output, as `why` takes it. */
  readonly output: () => Promise<string>;
  /** The 13th record, whose value has 13 cents. */
  readonly place: string;
  /** Makes the source lose its records. */
  readonly trim: () => Promise<unknown>;
}

async function redis(): Promise<System> {
  const { host, port } = await redisAddress();
  const [input, output] = [freshKey(), freshKey()];
  await addOrders(`${host}:${port}`, input, 40);
  const at = (name: string) => `redis://${host}:${port}/${name}`;
  return {
    from: at(input),
    to: at(output),
    output: () => withRedis(async (client) => `${at(output)}/0@${(await client.xrange(output, "-", "+"))[12][0]}`),
    place: `${input}/0@13-0`,
    trim: () => withRedis((client) => client.xtrim(input, "MAXLEN", 0)),
  };
}

async function kafka(): Promise<System> {
  const [input, output] = [await freshTopic(1), await freshTopic(1)];
  const records = Array.from(
    { length: 40 },
    (_, i) => ({ partition: 0, key: null, value: JSON.stringify({ cents: i + 1 }) }),
  );
  await writeTopic(input, records);
  const at = async (name: string) => `kafka://${await kafkaAddress()}/${name}`;
  return {
    from: await at(input),
    to: await at(output),
    output: async () => {
      const { offset } = (await readTopic(output)).find(({ value }) => value!.includes('"cents":13,'))!;
      return `${await at(output)}/0@${offset}`;
    },
    place: `${input}/0@12`,
    trim: () =>
      withAdmin(async (admin) => {
        await admin.fetchTopicMetadata({ topics: [input] });
        await admin.deleteTopicRecords({ topic: input, partitions: [{ partition: 0, offset: "-1" }] });
      }),
  };
}

for (const [name, system] of [["Redis", redis], ["Kafka", kafka]] as const) {
  Deno.test(`${name}: a run is replayed, looked into by the system's own offsets, rewound, and taken away`, async () => {
    const { from, to, output, place, trim } = await system();
    await using folder = new TestFolder();
    // Kafka keeps the checkpoints of a run under its name.
    const job = `job-${crypto.randomUUID()}`;
    folder.write("p.ts", scriptOf(BODY));
    folder.write(
      "new.ts",
      scriptOf(BODY.replace("value.cents; context", "value.cents * (value.cents === 13 ? 2 : 1); context")),
    );
    const run = [
      "run",
      "p.ts",
      "--name",
      job,
      "--from",
      from,
      "--to",
      to,
      "--until-end",
      "--quiet",
      "--feed-records",
      "10",
    ];
    const sluice = async (args: readonly string[], code = 0): Promise<CliResult> => {
      const result = await runCli(args, { cwd: folder.path });
      assertEquals(result.code, code, result.stderr);
      return result;
    };
    await sluice(run);
    assertEquals(JSON.parse((await sluice(["replay", job, "--feeds", "1..3", "--json"])).stdout).records, 20);
    assertEquals((await sluice(["state", job, "--at", place])).stdout, `sum\t${13 * 14 / 2}\n`);
    for (const wanted of ['{"cents":13}', await output()]) {
      assertStringIncludes((await sluice(["why", job, wanted])).stdout, place);
    }
    assertStringIncludes((await sluice(["impact", job, place])).stdout, '"cents":13');
    const { stderr } = await sluice(["bisect", job, "--with", "new.ts"], 3);
    assertStringIncludes(stderr, `DIVERGED ${place}`);
    const logged = await sluice(["replay", job, "--feeds", "1..2", "--log", "sum", "--at", "p.ts:6"]);
    assertEquals(logged.stdout.split("\n").length - 1, 10);
    // Without --break: before the first record, whatever offset that has in this system.
    const debugged = spawnCli(["replay", job, "--feeds", "0..1", "--inspect", "127.0.0.1:0"], { cwd: folder.path });
    const { url, rest } = await inspectorUrl(debugged.stderr);
    const debug = await TestDebugger.attach(url);
    assertEquals(debug.sourceOf(await debug.paused()), "sluice:stop.js");
    await debug.resume();
    await Promise.all([debugged.stdin.close(), debugged.stdout.cancel(), debugged.status]);
    assertStringIncludes(await rest, "their digests are those that were recorded");
    await sluice(["export", job, "--feeds", "1..2", "-o", "c.sluice"]);
    await sluice(["rewind", job, "--to", place.replace("@", ":"), "--yes", "--emit-again"]);
    await sluice(run);
    assertEquals((await sluice(["state", job])).stdout, `sum\t${40 * 41 / 2}\n`);
    await sluice(["replay", job]);

    await trim();
    const gone = await sluice(["replay", job, "--json"], 3);
    assertEquals(JSON.parse(gone.stdout).divergences[0].cause, "input");
    const replayed = await sluice(["replay", "c.sluice", "--json"]);
    assertEquals(JSON.parse(replayed.stdout).records, 10);
  });
}
