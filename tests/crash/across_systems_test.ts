/**
 * From every system to every other, killed after every step and at moments in between: exactly once, wherever the home of the
 * checkpoint is. Read by clients that are not ours: redis-cli, Java's consumer, plain reading; Kinesis by the source that
 * removes what a crash wrote twice. `deno task crash` kills a thousand times (docs/PROOF.md). Within one system, more is tried in
 * tests of their own.
 */

import { assertEquals, assertNotEquals } from "@std/assert";
import { KinesisSource } from "../../adapters/kinesis/source.ts";
import { redisCli } from "../../tools/services/redis.ts";
import { killAfterFirstStep, outputOrKilledAfter, runCli, spawnCli } from "../support/cli.ts";
import { freshTopic, kafkaAddress, readTopic, writeTopic } from "../support/kafka.ts";
import { freshStream, putRecords } from "../support/kinesis.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";
import { readAll } from "../support/read_source.ts";
import { freshKey, redisAddress } from "../support/redis.ts";
import { addOrders } from "../support/redis_job.ts";

const KILLS = Number(Deno.env.get("SLUICE_TEST_KILLS") ?? 6);
const isLongRun = KILLS > 6;
const RECORDS = isLongRun ? 4_000 : 400;
const KEYS = 7;
const FEED_RECORDS = 10;
/** More than are on their way when a run dies: those are not seen again. */
const FEEDS_BETWEEN = 8;
const STEPS = ["sealed", "processed", "prepared", "committed", "settled"] as const;
/** Of one run, which then goes on to its end. */
const KILLS_PER_RUN = isLongRun ? 40 : 6;
const EARLY_MS = 400;
/** Kinesis answers more slowly. */
const workMs = (sink: string): number => sink === "kinesis" ? 1_000 : 200;
/** Every so many kills comes before the first step: what a start does is no safer. */
const KILLS_PER_EARLY_ONE = 5;
const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261125);

const SCRIPT = scriptOf(
  `const n = (context.state.get<number>(key) ?? 0) + value.cents;
   context.state.set(key, n);
   context.emit({ key, value: { key, n, id: context.uuid(), at: context.now } });`,
);

/** A place that a run reads. */
interface From {
  readonly uri: string;
}

/** A place of a run's own that it writes, and what is in it. */
interface To {
  readonly uri: string;
  read(): Promise<readonly string[]>;
}

const { host, port } = await redisAddress();
const redis = `${host}:${port}`;
const kafka = await kafkaAddress();

const SOURCES: Readonly<Record<string, (folder: TestFolder) => Promise<From>>> = {
  async redis() {
    const stream = freshKey();
    await addOrders(redis, stream, RECORDS);
    return { uri: `redis://${redis}/${stream}?key=k` };
  },
  async kafka() {
    const topic = await freshTopic(1);
    await writeTopic(topic, orders().map((order, i) => ({ partition: 0, timeMs: 1 + i, ...order })));
    return { uri: `kafka://${kafka}/${topic}` };
  },
  async kinesis() {
    const { stream, endpoint } = await freshStream(1);
    await putRecords(stream, orders());
    return { uri: `kinesis://us-east-1/${stream}?endpoint=${endpoint}&callsPerSecond=100` };
  },
  file(folder) {
    folder.write("orders.ndjson", orders().map(({ key, value }) => `${value.slice(0, -1)},"k":"${key}"}\n`).join(""));
    return Promise.resolve({ uri: `file:${folder.at("orders.ndjson")}?key=k` });
  },
};

const SINKS: Readonly<Record<string, (folder: TestFolder) => Promise<To>>> = {
  redis() {
    const stream = freshKey();
    const read = async () => {
      const entries = JSON.parse(await redisCli(redis, "--json", "XRANGE", stream, "-", "+")) as [string, string[]][];
      return entries.map(([, fields]) => fields[1]);
    };
    return Promise.resolve({ uri: `redis://${redis}/${stream}`, read });
  },
  async kafka() {
    const topic = await freshTopic(1);
    return { uri: `kafka://${kafka}/${topic}`, read: async () => (await readTopic(topic)).map(({ value }) => value!) };
  },
  /** At least once on the wire: what was written twice is told by its id. */
  async kinesis() {
    const address = await freshStream(1);
    const read = async () => {
      const options = { start: "earliest", isBounded: true, callsPerSecond: 100, withoutRepeats: true } as const;
      const source = await KinesisSource.open({ ...address, ...options });
      const records = await readAll(source);
      await source.close();
      return records.map(({ value }) => value!);
    };
    return { uri: `kinesis://us-east-1/${address.stream}?endpoint=${address.endpoint}`, read };
  },
  file(folder) {
    const path = folder.at("out.ndjson");
    const read = async () => (await Deno.readTextFile(path)).trim().split("\n");
    return Promise.resolve({ uri: `file:${path}`, read });
  },
};

function orders() {
  return Array.from({ length: RECORDS }, (_, i) => ({ key: `c${(i + 1) % KEYS}`, value: `{"cents":${i + 1}}` }));
}

/** A run from `from` to a place of its own. */
class Job implements AsyncDisposable {
  readonly #folder = new TestFolder();
  /** Of its own: Kafka keeps checkpoints by it. */
  readonly #name = freshKey();
  readonly #from: From;
  readonly #to: Promise<To>;

  constructor(from: From, sink: string) {
    this.#from = from;
    this.#folder.write("p.ts", SCRIPT);
    this.#to = SINKS[sink](this.#folder);
  }

  async args(): Promise<readonly string[]> {
    return ["run", "p.ts", "--from", this.#from.uri, "--to", (await this.#to).uri, "--name", this.#name, "--until-end"]
      .concat(["--quiet", "--clock", "event", "--feed-records", String(FEED_RECORDS)]);
  }

  async run(crashAt?: string): Promise<number> {
    const options = { cwd: this.#folder.path, ...(crashAt === undefined ? {} : { crashAt }) };
    const { code, stderr } = await runCli(await this.args(), options);
    if (crashAt === undefined) assertEquals(code, 0, stderr);
    return code;
  }

  /** Killed so many milliseconds after its start, wherever it is by then; whether it had not ended by itself. */
  async killEarly(timeMs: number): Promise<boolean> {
    const child = spawnCli(await this.args(), { cwd: this.#folder.path });
    return (await outputOrKilledAfter(child, timeMs)).signal !== null;
  }

  /** Killed so many milliseconds after its first step; whether it had not ended by itself. */
  async killAtWork(timeMs: number): Promise<boolean> {
    const child = spawnCli(await this.args(), { cwd: this.#folder.path, crashAt: "first" });
    return (await killAfterFirstStep(child, timeMs)).signal !== null;
  }

  async outputs(): Promise<readonly string[]> {
    return await (await this.#to).read();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder[Symbol.asyncDispose]();
  }
}

/** Once more within a system, for the long run: a test of its own crashes it otherwise. */
const PAIRS = Object.keys(SOURCES).flatMap((source) =>
  Object.keys(SINKS).filter((sink) => source !== sink || sink === "kinesis" || isLongRun).map((sink) =>
    [source, sink] as const
  )
);

for (const [source, sink] of PAIRS) {
  Deno.test(`${source} to ${sink}: killed after every step and ${KILLS} times in between, each output is there once`, async () => {
    console.log(`seed ${SEED}`);
    await using folder = new TestFolder();
    const from = await SOURCES[source](folder);
    await using undisturbed = new Job(from, sink);
    await undisturbed.run();
    const expected = await undisturbed.outputs();
    assertEquals(expected.length, RECORDS);
    await using stepped = new Job(from, sink);
    for (const [i, step] of STEPS.entries()) {
      assertNotEquals(await stepped.run(`${step}:${FEEDS_BETWEEN * i}`), 0, `no crash after ${step}`);
    }
    await stepped.run();
    assertEquals(await stepped.outputs(), expected);
    let random = SEED;
    for (let kills = 0; kills < KILLS;) {
      await using killed = new Job(from, sink);
      for (let kill = 0; kill < KILLS_PER_RUN; kill++) {
        random = Math.imul(random, 1664525) + 1013904223 >>> 0;
        const isEarly = random % KILLS_PER_EARLY_ONE === 0;
        const isKilled = isEarly
          ? killed.killEarly(random / 2 ** 32 * EARLY_MS)
          : killed.killAtWork(random / 2 ** 32 * workMs(sink));
        if (!await isKilled) break;
        kills++;
      }
      await killed.run();
      assertEquals(await killed.outputs(), expected, `after ${kills} kills`);
    }
  });
}
