/**
 * Several processes share a run over Kinesis, with leases and a task store on DynamoDB: each of them is killed, paused and
 * started anew, shards are split and merged, and every output is there once, in the order of its key.
 */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { KinesisAddress } from "../../adapters/kinesis/client.ts";
import { runCli, spawnCli } from "../support/cli.ts";
import { startDynamodb } from "../../tools/services/dynamodb.ts";
import { stop } from "../../tools/services/services.ts";
import { freshBucket, freshTable } from "../support/dynamodb.ts";
import { freshTopic, kafkaAddress, readTopic } from "../support/kafka.ts";
import { freshStream, mergeShards, openShards, putRecords, splitShard, withKinesis } from "../support/kinesis.ts";
import { readParts } from "../support/output_parts.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { freshKey, redisAddress } from "../support/redis.ts";
import { redisCli } from "../../tools/services/redis.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Math.floor(Math.random() * 2 ** 31));
const ROUNDS = 12;
const KEYS = 12;
const LEASE_S = 1;
const WAIT_MS_MAX = 60_000;

const COUNT = scriptOf(
  `const name = "count of " + key; const count = (context.state.get<number>(name) ?? 0) + 1;
   context.state.set(name, count); context.emit({ key, value: { key, n: value.n, count, id: context.uuid() } });`,
);

interface Counted {
  readonly key: string;
  readonly n: number;
  readonly count: number;
  readonly id: string;
}

/** A process that shares the run, with a folder and a journal of its own: a machine of its own. */
class Sharer implements AsyncDisposable {
  readonly folder = new TestFolder();
  #args: readonly string[];
  /** All that was printed in all its lives. */
  log = "";
  #child: Deno.ChildProcess;
  #said: Promise<string>;

  constructor(args: readonly string[], crashAt?: string) {
    this.folder.write("p.ts", COUNT);
    this.#args = args;
    [this.#child, this.#said] = this.#spawn(crashAt);
  }

  #spawn(crashAt?: string): [Deno.ChildProcess, Promise<string>] {
    const child = spawnCli(this.#args, { cwd: this.folder.path, ...(crashAt === undefined ? {} : { crashAt }) });
    void child.stdin.close();
    void child.stdout.pipeTo(new WritableStream());
    return [child, this.#listen(child)];
  }

  async #listen({ stderr }: Deno.ChildProcess): Promise<string> {
    let said = "";
    for await (const text of stderr.pipeThrough(new TextDecoderStream())) {
      said += text;
      this.log += text;
    }
    return said;
  }

  /** Resolves when it has printed `text`. */
  async says(text: string): Promise<void> {
    for (const deadlineMs = performance.now() + WAIT_MS_MAX; !this.log.includes(text);) {
      assert(performance.now() < deadlineMs, `it did not say "${text}":\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  signal(signal: Deno.Signal): void {
    this.#child.kill(signal);
  }

  /** How it ended, and what it printed. */
  async ended(): Promise<Deno.CommandStatus & { readonly stderr: string }> {
    return { ...await this.#child.status, stderr: await this.#said };
  }

  async end(signal: Deno.Signal): Promise<{ readonly code: number; readonly stderr: string }> {
    this.#child.kill(signal);
    return await this.ended();
  }

  restart(args = this.#args): void {
    this.#args = args;
    [this.#child, this.#said] = this.#spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      await this.end("SIGKILL");
    } catch {
      // It has ended already.
    }
    await this.folder[Symbol.asyncDispose]();
  }
}

/** Shows what the processes said when `work` fails. */
async function reported(sharers: readonly Sharer[], work: () => Promise<void>): Promise<void> {
  try {
    await work();
  } catch (error) {
    for (const [i, { log }] of sharers.entries()) console.log(`process ${i}:\n${log}`);
    throw error;
  }
}

interface Job extends AsyncDisposable {
  /** Where outputs are read to. */
  readonly reader: TestFolder;
  readonly input: KinesisAddress;
  readonly output: KinesisAddress;
  readonly args: readonly string[];
}

async function newJob(shards: number, dynamodb?: string): Promise<Job> {
  const [input, output, table, bucket] = await Promise.all([
    freshStream(shards),
    freshStream(2),
    freshTable(dynamodb),
    freshBucket(),
  ]);
  const at = ({ stream, endpoint }: KinesisAddress, query = "") =>
    `kinesis://us-east-1/${stream}?endpoint=${endpoint}${query}`;
  const store = `dynamodb://us-east-1/${table.table}?endpoint=${table.endpoint}&bucket=${bucket.bucket}` +
    `&s3=${bucket.endpoint}&prefix=${bucket.prefix}`;
  const args = ["run", "p.ts", "--name", "shared", "--from", at(input, "&callsPerSecond=20"), "--to", at(output)]
    .concat(["--store", store, "--lease", String(LEASE_S), "--feed-records", "20", "--quiet"]);
  const reader = new TestFolder();
  return { input, output, args, reader, [Symbol.asyncDispose]: () => reader[Symbol.asyncDispose]() };
}

async function put({ input }: Job, from: number, to: number): Promise<void> {
  const records = [];
  for (let n = from; n < to; n++) {
    for (let key = 0; key < KEYS; key++) records.push({ key: `k${key}`, value: JSON.stringify({ n }) });
  }
  await putRecords(input.stream, records);
}

/** Reads the outputs as a run of its own does, until there are `records` per key. */
async function outputsOf({ output, reader }: Job, records: number): Promise<readonly Counted[]> {
  const from = `kinesis://us-east-1/${output.stream}?endpoint=${output.endpoint}&dedupe=sluice&callsPerSecond=100`;
  const deadlineMs = performance.now() + WAIT_MS_MAX;
  for (;;) {
    const args = ["run", "copy", "--from", from, "--to", "out/", "--until-end", "--quiet"];
    const { code, stderr } = await runCli(args, { cwd: reader.path });
    assertEquals(code, 0, stderr);
    const found = readParts<Counted>(reader, "out");
    if (found.length >= records * KEYS) return found;
    assert(performance.now() < deadlineMs, `${found.length} of ${records * KEYS} outputs after a minute`);
  }
}

function assertCounted(found: readonly Counted[], records: number): void {
  const wanted = Array.from({ length: records }, (_, n) => ({ n, count: n + 1 }));
  for (const [key, counted] of Map.groupBy(found, ({ key }) => key)) {
    assertEquals(counted.map(({ n, count }) => ({ n, count })), wanted, key);
  }
  assertEquals(new Set(found.map(({ id }) => id)).size, found.length);
}

Deno.test("a process that is killed loses its tasks to the others in bounded time: nothing is lost, nothing doubled", async () => {
  await using job = await newJob(4);
  await put(job, 0, 20);
  await using one = new Sharer([...job.args, "--owner", "one"]);
  await outputsOf(job, 20);
  await using two = new Sharer([...job.args, "--owner", "two"]);
  await put(job, 20, 40);
  await outputsOf(job, 40);
  const killed = await one.end("SIGKILL");
  const killedMs = performance.now();
  await put(job, 40, 60);
  assertCounted(await outputsOf(job, 60), 60);
  const takenOverMs = performance.now() - killedMs;
  assert(takenOverMs < 15_000 * LEASE_S, `taken over after ${takenOverMs} ms`);
  assertStringIncludes(killed.stderr, "runs here");
  const { code, stderr } = await two.end("SIGTERM");
  assertEquals(code, 0, stderr);
});

for (const step of ["sealed", "processed", "prepared", "committed", "settled"]) {
  Deno.test(`a process dies after a feed was ${step}: the next one goes on from the store, without its journal`, async () => {
    await using job = await newJob(1);
    await put(job, 0, 20);
    await using dying = new Sharer([...job.args, "--owner", "dying"], `${step}:4`);
    assertEquals((await dying.ended()).signal, "SIGKILL");
    await using next = new Sharer([...job.args, "--owner", "next"]);
    await put(job, 20, 25);
    assertCounted(await outputsOf(job, 25), 25);
    assertEquals((await next.end("SIGTERM")).code, 0);
  });
}

Deno.test("a process that was paused through a takeover gets nothing through, and shares again afterwards (M24)", async () => {
  await using job = await newJob(3);
  await put(job, 0, 10);
  await using zombie = new Sharer([...job.args, "--owner", "zombie"]);
  await outputsOf(job, 10);
  await using other = new Sharer([...job.args, "--owner", "other"]);
  zombie.signal("SIGSTOP");
  await put(job, 10, 30);
  await outputsOf(job, 30);
  zombie.signal("SIGCONT");
  await put(job, 30, 50);
  assertCounted(await outputsOf(job, 50), 50);
  // It is alive: alone, it has everything again.
  await other.end("SIGTERM");
  await put(job, 50, 60);
  assertCounted(await outputsOf(job, 60), 60);
  const { code, stderr } = await zombie.end("SIGTERM");
  assertEquals(code, 0, stderr);
});

Deno.test("shards are split and merged, processes are killed, paused and started: keys keep order and state", async () => {
  console.log(`seed ${SEED}`);
  let state = SEED;
  const random = () => (state = Math.imul(state, 1664525) + 1013904223 >>> 0) / 2 ** 32;
  await using job = await newJob(2);
  await using one = new Sharer([...job.args, "--owner", "one"]);
  await using two = new Sharer([...job.args, "--owner", "two"]);
  await using three = new Sharer([...job.args, "--owner", "three"]);
  const sharers = [one, two, three];
  await reported(sharers, async () => {
    let records = 0;
    for (let round = 0; round < ROUNDS; round++) {
      await put(job, records, records += 5);
      await withKinesis(async (client) => {
        const { length } = await openShards(client, job.input.stream);
        const stream = random() < 0.7 ? job.input.stream : job.output.stream;
        const open = stream === job.input.stream ? length : (await openShards(client, stream)).length;
        const at = Math.floor(random() * open);
        if (open === 1 || (open < 5 && random() < 0.6)) await splitShard(client, stream, at, 0.2 + 0.6 * random());
        else await mergeShards(client, stream, Math.min(at, open - 2));
      });
      const sharer = sharers[Math.floor(random() * sharers.length)];
      const harm = random();
      if (harm < 0.3) {
        await sharer.end("SIGKILL");
        sharer.restart();
      } else if (harm < 0.5) {
        sharer.signal("SIGSTOP");
        // The others have taken everything over by then.
        await outputsOf(job, records);
        sharer.signal("SIGCONT");
      } else if (harm < 0.6) {
        await sharer.end("SIGTERM");
        sharer.restart();
      }
    }
    assertCounted(await outputsOf(job, records), records);
  });
});

/** Sinks that are their own home, and what is in them by clients that are not ours. */
const TARGETS: Readonly<Record<string, () => Promise<{ readonly uri: string; read(): Promise<readonly string[]> }>>> = {
  async Redis() {
    const { host, port } = await redisAddress();
    const key = freshKey();
    const read = async () => {
      const text = await redisCli(`${host}:${port}`, "--json", "XRANGE", key, "-", "+");
      return (JSON.parse(text) as [string, string[]][]).map(([, fields]) => fields[1]);
    };
    return { uri: `redis://${host}:${port}/${key}`, read };
  },
  async Kafka() {
    const topic = await freshTopic(1);
    const read = async () => (await readTopic(topic)).map(({ value }) => value!);
    return { uri: `kafka://${await kafkaAddress()}/${topic}`, read };
  },
};

for (const [name, target] of Object.entries(TARGETS)) {
  Deno.test(`into ${name} each output is written once: the sink's fence and checkpoint hold as well`, async () => {
    await using job = await newJob(3);
    const { uri, read } = await target();
    // Of its own: Kafka keeps checkpoints by it.
    const args = job.args.with(job.args.indexOf("--to") + 1, uri).with(job.args.indexOf("--name") + 1, freshKey());
    const written = async (records: number): Promise<readonly Counted[]> => {
      const deadlineMs = performance.now() + WAIT_MS_MAX;
      for (;;) {
        const found = (await read()).map((text) => JSON.parse(text) as Counted);
        if (found.length >= records * KEYS) return found;
        assert(performance.now() < deadlineMs, `${found.length} of ${records * KEYS} outputs after a minute`);
        await new Promise((resolve) => setTimeout(resolve, 100));
      }
    };
    await using one = new Sharer([...args, "--owner", "one"]);
    await using two = new Sharer([...args, "--owner", "two"]);
    await reported([one, two], async () => {
      let records = 0;
      for (let round = 0; round < 6; round++) {
        await put(job, records, records += 10);
        const sharer = [one, two][round % 2];
        if (round % 3 === 2) {
          await sharer.end("SIGKILL");
          sharer.restart();
        } else {
          sharer.signal("SIGSTOP");
          // The other one has taken everything over by then.
          await written(records);
          sharer.signal("SIGCONT");
        }
        assertCounted(await written(records), records);
      }
    });
  });
}

Deno.test("a store that cannot be reached for a while costs time, and nothing else", async () => {
  const server = await startDynamodb(await Deno.makeTempDir({ prefix: "sluice-dynamodb-" }));
  try {
    await using job = await newJob(2, `http://${server.address}`);
    await put(job, 0, 5);
    await using one = new Sharer([...job.args, "--owner", "one"]);
    await using two = new Sharer([...job.args, "--owner", "two"]);
    await outputsOf(job, 5);
    for (const sharer of [one, two]) await sharer.says("runs here");
    Deno.kill(server.pid, "SIGSTOP");
    await put(job, 5, 15);
    for (const sharer of [one, two]) await sharer.says("could not be renewed in time");
    Deno.kill(server.pid, "SIGCONT");
    assertCounted(await outputsOf(job, 15), 15);
    for (const sharer of [one, two]) assertEquals((await sharer.end("SIGTERM")).code, 0, sharer.log);
  } finally {
    await stop(server);
  }
});

Deno.test("a run that was not shared so far is taken up into a store, and goes on elsewhere", async () => {
  await using job = await newJob(2);
  await put(job, 0, 10);
  const at = job.args.indexOf("--store");
  const alone = job.args.filter((_, i) => i < at || i > at + 3);
  await using first = new Sharer([...alone, "--until-end"]);
  assertEquals((await first.ended()).code, 0);
  first.restart([...job.args, "--owner", "first"]);
  await put(job, 10, 15);
  await outputsOf(job, 15);
  await using elsewhere = new Sharer([...job.args, "--owner", "elsewhere"]);
  await first.end("SIGKILL");
  // What its journal says is dropped for what the store says.
  const rewind = ["rewind", "shared", "--task", "0", "--to-feed", "0", "--yes", "--emit-again"];
  const { code, stderr } = await runCli(rewind, { cwd: first.folder.path });
  assertEquals(code, 1, stderr);
  assertStringIncludes(stderr, "Cannot rewind run shared: processes share it through dynamodb");
  await put(job, 15, 20);
  assertCounted(await outputsOf(job, 20), 20);
  assertEquals((await elsewhere.end("SIGTERM")).code, 0);
});

Deno.test("what cannot be shared is refused in a sentence", async () => {
  await using job = await newJob(1);
  const { args, input } = job;
  const store = args[args.indexOf("--store") + 1];
  const from = `kinesis://us-east-1/${input.stream}?endpoint=${input.endpoint}`;
  const cases: readonly (readonly [more: readonly string[], code: number, says: string])[] = [
    [["--to", "-", "--store", store, "--until-end"], 2, "use --store without --until-end"],
    [["--to", "out/", "--store", store], 1, "file:out/ is written by one machine"],
    [["--to", "-", "--store", store], 1, "it has one task"],
    [
      ["--to", `kinesis://us-east-1/${input.stream}?endpoint=${input.endpoint}`, "--store", store, "--tasks", "2"],
      1,
      "a task each",
    ],
    [["--to", "-", "--store", "redis://localhost/x"], 2, "known are dynamodb:"],
    [["--to", "-", "--store", "dynamodb://sluice"], 2, "dynamodb://REGION/TABLE is wanted"],
    [
      ["--to", "-", "--store", store.replace(/dynamodb:..[^?]+/, "dynamodb://us-east-1/nobodys")],
      1,
      "Cannot use dynamodb",
    ],
  ];
  await using folder = new TestFolder();
  for (const [more, code, says] of cases) {
    const result = await runCli(["run", "copy", "--from", from, ...more], { cwd: folder.path });
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
  }
});
