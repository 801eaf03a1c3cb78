/** Kinesis through a proxy that throttles, fails, loses answers, repeats and writes in part: the results are the same. */

import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { KinesisSource } from "../../adapters/kinesis/source.ts";
import { SourceError } from "../../adapters/source.ts";
import { runCli } from "../support/cli.ts";
import { freshStream, kinesisEndpoint, putRecords } from "../support/kinesis.ts";
import { type Decide, type Fault, KinesisProxy } from "../support/kinesis_proxy.ts";
import { readParts } from "../support/output_parts.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const SEED = Number(Deno.env.get("SLUICE_TEST_SEED") ?? 20261126);
const RECORDS = 2_000;
const KEYS = 20;

const THROTTLED: Fault = { kind: "refuse", error: "ProvisionedThroughputExceededException", status: 400 };
const FAILED: Fault = { kind: "refuse", error: "InternalFailure", status: 500 };
const EXPIRED: Fault = { kind: "refuse", error: "ExpiredIteratorException", status: 400 };
const FAULTS: Readonly<Record<string, readonly Fault[]>> = {
  GetRecords: [THROTTLED, FAILED, EXPIRED, { kind: "lose" }, { kind: "delay", timeMs: 50 }],
  GetShardIterator: [THROTTLED, FAILED, { kind: "lose" }],
  ListShards: [{ kind: "refuse", error: "LimitExceededException", status: 400 }, FAILED],
  PutRecords: [THROTTLED, FAILED, { kind: "lose" }, { kind: "repeat" }, { kind: "partial", nth: 2 }, {
    kind: "partial",
    nth: 1,
  }],
};

/** Every third request or so has a fault of its kind. */
function stormOf(seed: number): Decide {
  let random = seed;
  return (action) => {
    random = Math.imul(random, 1664525) + 1013904223 >>> 0;
    const faults = FAULTS[action];
    if (!faults || random % 3 !== 0) return undefined;
    return faults[(random >>> 8) % faults.length];
  };
}

interface Counted {
  readonly key: string;
  readonly n: number;
  readonly count: number;
}

const COUNT = scriptOf(
  `const name = "count of " + key; const count = (context.state.get<number>(name) ?? 0) + 1;
   context.state.set(name, count); context.emit({ key, value: { key, n: value.n, count } });`,
);

Deno.test("throttles, failures, lost answers, expired iterators and repeats change no result", async () => {
  console.log(`seed ${SEED}`);
  const [first, second] = [await freshStream(3), await freshStream(3)];
  const records = Array.from({ length: RECORDS }, (_, i) => ({
    key: `k${i % KEYS}`,
    value: JSON.stringify({ n: Math.floor(i / KEYS) }),
  }));
  await putRecords(first.stream, records);
  await using proxy = await KinesisProxy.start(await kinesisEndpoint(), stormOf(SEED));
  await using folder = new TestFolder();
  folder.write("count.ts", COUNT);
  folder.write("copy.ts", scriptOf(`context.emit({ key, value });`));
  const uri = (stream: string, query = "") => `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}${query}`;
  const reading = "&callsPerSecond=100&dedupe=sluice";
  const through = async (script: string, from: string, to: string) => {
    const args = ["run", `${script}.ts`, "--from", from, "--to", to, "--until-end", "--quiet", "--feed-records", "50"];
    const { code, stderr } = await runCli([...args, "--name", script], { cwd: folder.path });
    assertEquals(code, 0, stderr);
  };
  await through("count", uri(first.stream, reading), uri(second.stream, "&aggregateBytesMax=1000"));
  await through("copy", uri(second.stream, reading), "out/");
  for (const kind of ["refuse", "lose", "partial", "repeat"]) assert(proxy.faults.has(kind), `nothing to ${kind}`);
  // What was left out as a repeat is left out of a replay, which knows no marks.
  const shown = await runCli(["journal", "show", "copy", "--json"], { cwd: folder.path });
  assertStringIncludes(shown.stdout, '"repeats"');
  proxy.decide = () => undefined;
  for (const run of ["count", "copy"]) {
    const { code, stderr } = await runCli(["replay", run], { cwd: folder.path });
    assertEquals(code, 0, stderr);
  }
  const byKey = Map.groupBy(readParts<Counted>(folder, "out"), ({ key }) => key);
  const wanted = Array.from({ length: RECORDS / KEYS }, (_, n) => ({ n, count: n + 1 }));
  assertEquals(byKey.size, KEYS);
  for (const [key, counted] of byKey) assertEquals(counted.map(({ n, count }) => ({ n, count })), wanted, key);
});

Deno.test("only the entries that failed are sent again, and keys keep their order (M9)", async () => {
  const { stream } = await freshStream(1);
  const sizes: number[] = [];
  await using proxy = await KinesisProxy.start(await kinesisEndpoint(), (action, nth) => {
    return action === "PutRecords" && nth % 2 === 0 ? { kind: "partial", nth: 3 } : undefined;
  });
  proxy.overrides.set("PutRecords", (answer) => {
    sizes.push((answer.Records as unknown[]).length);
    return answer;
  });
  await using folder = new TestFolder();
  const lines = Array.from({ length: 90 }, (_, i) => ({ k: `k${i % 9}`, n: Math.floor(i / 9) }));
  folder.write("in.ndjson", lines.map((line) => JSON.stringify(line) + "\n").join(""));
  folder.write("send.ts", scriptOf(`context.emit({ key: value.k, value });`));
  const to = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&records=plain`;
  const result = await runCli(["run", "send.ts", "--from", "in.ndjson", "--to", to, "--until-end"], {
    cwd: folder.path,
  });
  assertEquals(result.code, 0, result.stderr);
  assertStringIncludes(result.stderr, "outputs arrive at least once, in the order of their keys");
  // Each entry was passed on once.
  assertEquals(sizes.reduce((sum, size) => sum + size), lines.length);
  const read = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&callsPerSecond=100`;
  folder.write("copy.ts", scriptOf(`context.emit({ key, value });`));
  const copied = await runCli(["run", "copy.ts", "--from", read, "--to", "out.ndjson", "--until-end", "--name", "c"], {
    cwd: folder.path,
  });
  assertEquals(copied.code, 0, copied.stderr);
  const found = folder.read("out.ndjson").trim().split("\n").map((line) => JSON.parse(line));
  for (let key = 0; key < 9; key++) {
    assertEquals(found.filter(({ k }) => k === `k${key}`).map(({ n }) => n), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  }
});

Deno.test("a service that does not come back is told of, at the beginning and after quiet hours", async () => {
  const { stream } = await freshStream(1);
  await using proxy = await KinesisProxy.start(await kinesisEndpoint());
  const options = {
    region: "us-east-1",
    stream,
    endpoint: proxy.endpoint,
    start: "earliest",
    isBounded: false,
  } as const;
  const source = await KinesisSource.open({ ...options, outageMsMax: 500 });
  const [at] = await source.partitions();
  const limit = { recordsMax: 10, bytesMax: 1000 };
  for (const fault of [FAILED, { kind: "lose" } as const]) {
    proxy.decide = () => undefined;
    assertEquals((await source.read(at, 0n, limit)).kind, "idle");
    proxy.decide = () => fault;
    await source.waitForMore([at], AbortSignal.timeout(1000));
    const readOn = async () => {
      for (;;) {
        await source.read(at, 0n, limit);
        await source.waitForMore([at], AbortSignal.timeout(1000));
      }
    };
    const error = await assertRejects(readOn, SourceError, `Cannot read kinesis://us-east-1/${stream}`);
    assertEquals(error.code, "E_SOURCE_UNREACHABLE");
  }
  await source.close();
});
