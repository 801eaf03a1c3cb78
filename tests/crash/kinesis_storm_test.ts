/**
 * Shards are split and merged at random on two streams while records go through three runs, file → Kinesis → Kinesis →
 * file, and all three are killed at random: every key keeps its order and its count, nothing is lost, nothing doubled.
 */

import { assertEquals } from "@std/assert";
import type { KinesisClient } from "@aws-sdk/client-kinesis";
import { runCli, signalIfRunning, spawnCli } from "../support/cli.ts";
import { freshStream, mergeShards, openShards, splitShard, withKinesis } from "../support/kinesis.ts";
import { readParts } from "../support/output_parts.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? Math.floor(Math.random() * 2 ** 31));
const RECORDS = Number(Deno.env.get("SLUICE_TEST_RECORDS") ?? 100_000);
const KEYS = 200;
const RESHARDS = 50;
const KILLS = 15;
const SHARDS_MAX = 8;

/** Numbers in [0, 1), the same for one seed (mulberry32). */
function randomFrom(seed: number): () => number {
  let state = seed;
  return () => {
    state = state + 0x6d2b79f5 | 0;
    let mixed = Math.imul(state ^ state >>> 15, 1 | state);
    mixed = mixed + Math.imul(mixed ^ mixed >>> 7, 61 | mixed) ^ mixed;
    return ((mixed ^ mixed >>> 14) >>> 0) / 2 ** 32;
  };
}

async function reshard(client: KinesisClient, stream: string, random: () => number): Promise<void> {
  const { length } = await openShards(client, stream);
  const isSplit = length === 1 || (length < SHARDS_MAX && random() < 0.55);
  if (isSplit) await splitShard(client, stream, Math.floor(random() * length), 0.1 + 0.8 * random());
  else await mergeShards(client, stream, Math.floor(random() * (length - 1)));
}

/** A run that is killed and started again until it is stopped. */
class Restarted {
  readonly #args: readonly string[];
  readonly #folder: TestFolder;
  #child: Deno.ChildProcess;

  constructor(args: readonly string[], folder: TestFolder) {
    this.#args = args;
    this.#folder = folder;
    this.#child = this.#spawn();
  }

  #spawn(): Deno.ChildProcess {
    return spawnCli([...this.#args, "--quiet"], { cwd: this.#folder.path });
  }

  async #kill(): Promise<void> {
    signalIfRunning(this.#child, "SIGKILL");
    await this.#child.stdin.close();
    await this.#child.output();
  }

  async restart(): Promise<void> {
    await this.#kill();
    this.#child = this.#spawn();
  }

  /** Kills it, and runs it once more to the end of its input. */
  async finish(): Promise<void> {
    await this.#kill();
    const { code, stderr } = await runCli([...this.#args, "--until-end", "--quiet"], { cwd: this.#folder.path });
    assertEquals(code, 0, stderr);
  }
}

interface Counted {
  readonly key: string;
  readonly n: number;
  readonly count: number;
}

Deno.test("keys keep their order and their state through a storm of splits, merges and kills", async () => {
  console.log(`seed ${SEED}`);
  const random = randomFrom(SEED);
  const [first, second] = [await freshStream(2), await freshStream(2)];
  await using folder = new TestFolder();
  const keyOf = (i: number) => `k${i % KEYS}`;
  folder.write(
    "in.ndjson",
    Array.from({ length: RECORDS }, (_, i) => JSON.stringify({ k: keyOf(i), n: Math.floor(i / KEYS) }) + "\n").join(""),
  );
  folder.write("send.ts", scriptOf(`context.emit({ key: value.k, value: { n: value.n } });`));
  folder.write(
    "count.ts",
    scriptOf(`const name = "count of " + key; const count = (context.state.get<number>(name) ?? 0) + 1;
      context.state.set(name, count); context.emit({ key, value: { key, n: value.n, count } });`),
  );
  folder.write("copy.ts", scriptOf(`context.emit({ key, value });`));
  const uri = ({ stream, endpoint }: typeof first, query = "") =>
    `kinesis://us-east-1/${stream}?endpoint=${endpoint}${query}`;
  const reading = "&dedupe=sluice&callsPerSecond=20";
  const job = (script: string, from: string, to: string, ...options: readonly string[]) =>
    new Restarted(
      ["run", `${script}.ts`, "--from", from, "--to", to, "--name", script, "--journal", `${script}.db`, ...options],
      folder,
    );
  const runs = [
    job("send", "in.ndjson?key=k", uri(first, "&aggregateBytesMax=8000"), "--feed-records", "500"),
    job("count", uri(first, reading), uri(second, "&aggregateBytesMax=8000"), "--feed-records", "1000"),
    job("copy", uri(second, reading), "out/"),
  ];
  await withKinesis(async (client) => {
    for (let i = 0; i < RESHARDS; i++) {
      await reshard(client, [first, second][i % 2].stream, random);
      await new Promise((resolve) => setTimeout(resolve, 200 + 400 * random()));
      if (random() < KILLS / RESHARDS) await runs[Math.floor(random() * runs.length)].restart();
    }
  });
  for (const run of runs) await run.finish();
  const byKey = Map.groupBy(readParts<Counted>(folder, "out"), ({ key }) => key);
  const wanted = Array.from({ length: RECORDS / KEYS }, (_, n) => ({ n, count: n + 1 }));
  assertEquals(byKey.size, KEYS);
  for (const [key, counted] of byKey) assertEquals(counted.map(({ n, count }) => ({ n, count })), wanted, key);
});
