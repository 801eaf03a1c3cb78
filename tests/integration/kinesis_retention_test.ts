/** Records that retention removed: never passed over in silence, and no false alarm for a shard that was idle. */

import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import {
  CreateStreamCommand,
  DeleteStreamCommand,
  DescribeStreamSummaryCommand,
  type KinesisClient,
  ResourceNotFoundException,
} from "@aws-sdk/client-kinesis";
import type { KinesisAddress } from "../../adapters/kinesis/client.ts";
import { KinesisSource, type KinesisStart } from "../../adapters/kinesis/source.ts";
import { SourceError } from "../../adapters/source.ts";
import { runCli } from "../support/cli.ts";
import { freshStream, kinesisEndpoint, putRecords, splitShard, untilActive, withKinesis } from "../support/kinesis.ts";
import { KinesisProxy } from "../support/kinesis_proxy.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

const HOUR_MS = 3_600_000;

/** A run that has read all there was, before a proxy that hides what it read last. */
async function idleRun(folder: TestFolder) {
  const { stream } = await freshStream(1);
  const proxy = await KinesisProxy.start(await kinesisEndpoint());
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  const from = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&callsPerSecond=50`;
  const run = async () =>
    await runCli(["run", "p.ts", "--from", from, "--to", "out.ndjson", "--until-end", "--quiet"], { cwd: folder.path });
  await putRecords(stream, [{ key: "a", value: '{"n":1}' }, { key: "a", value: '{"n":2}' }]);
  assertEquals((await run()).code, 0);
  // The emulator never trims: to ask for the last record is answered as when it is gone.
  let isGone = true;
  proxy.decide = (action) => {
    if (action !== "GetShardIterator" || !isGone) return undefined;
    isGone = false;
    return { kind: "refuse", error: "ResourceNotFoundException", status: 400 };
  };
  return { stream, proxy, run };
}

Deno.test("an idle shard may outlive its last record: what came later is read, and nothing twice", async () => {
  await using folder = new TestFolder();
  const { stream, proxy, run } = await idleRun(folder);
  await putRecords(stream, [{ key: "a", value: '{"n":3}' }]);
  const result = await run();
  await proxy[Symbol.asyncDispose]();
  assertEquals(result.code, 0, result.stderr);
  assertEquals(folder.read("out.ndjson"), '{"n":1}\n{"n":2}\n{"n":3}\n');
});

Deno.test("when records may have been removed unread, the run stops and says what to do (M18)", async () => {
  await using folder = new TestFolder();
  const { proxy, run } = await idleRun(folder);
  proxy.overrides.set("DescribeStreamSummary", ({ StreamDescriptionSummary }) => ({
    StreamDescriptionSummary: { ...StreamDescriptionSummary as object, RetentionPeriodHours: 0 },
  }));
  const { code, stderr } = await run();
  await proxy[Symbol.asyncDispose]();
  assertEquals(code, 1);
  assertMatch(stderr, /Cannot read test-.+: the record at \d{50,56}\.1, which was read last, is not there any more/);
  assertStringIncludes(stderr, "raise the retention");
});

Deno.test("an idle shard says from time to time until when it was read, so that the proof does not age", async () => {
  const address = await freshStream(1);
  await putRecords(address.stream, [{ key: "a", value: "1" }]);
  let nowMs = Date.now();
  await using source = await open({ nowMs: () => nowMs });
  const [at] = await source.partitions();
  const limit = { recordsMax: 10, bytesMax: 1000 };
  const read = async (from: bigint) => {
    for (;;) {
      const result = await source.read(at, from, limit);
      if (result.kind !== "idle") return result;
      await source.waitForMore([at], AbortSignal.timeout(1000));
      if (isPatient) continue;
      return result;
    }
  };
  let isPatient = true;
  const first = await read(0n);
  assert(first.kind === "batch");
  const { next } = first.batch;
  isPatient = false;
  assertEquals((await read(next)).kind, "idle");
  nowMs += 2 * HOUR_MS;
  isPatient = true;
  const later = await read(next);
  assert(later.kind === "batch");
  assertEquals([later.batch.count, later.batch.next], [0, next]);
  const { untilMs } = JSON.parse(later.batch.anchor!);
  assert(Math.abs(untilMs - nowMs) < HOUR_MS / 60);

  async function open(options: { readonly nowMs: () => number }) {
    const opened = await KinesisSource.open({
      ...address,
      ...options,
      start: "earliest",
      isBounded: false,
      callsPerSecond: 100,
    });
    return Object.assign(opened, { [Symbol.asyncDispose]: () => opened.close() });
  }
});

/** A source whose clock is so far ahead. */
async function openAhead(address: KinesisAddress, hours: number, start: KinesisStart = "earliest") {
  const nowMs = () => Date.now() + hours * HOUR_MS;
  const source = await KinesisSource.open({ ...address, nowMs, start, isBounded: true, callsPerSecond: 100 });
  return Object.assign(source, { [Symbol.asyncDispose]: () => source.close() });
}

const LIMIT = { recordsMax: 10, bytesMax: 1000, untilKnown: true };

Deno.test("a shard that came out of a split is read only while nothing of it can have been removed", async () => {
  const address = await freshStream(1);
  await using before = await openAhead(address, 0);
  const [parent] = await before.partitions();
  await putRecords(address.stream, [{ key: "a", value: "1" }]);
  await withKinesis((client) => splitShard(client, address.stream, 0));
  await putRecords(address.stream, [{ key: "a", value: "2" }]);
  const last = await before.read(parent, 0n, LIMIT);
  assert(last.kind === "batch");
  const { beginning, end, parents, inherit } = before.resharding;
  assertEquals(last.batch.next, end);
  const heirs = (await before.partitions()).filter((at) => parents(at).length > 0);
  assertEquals(heirs.length, 2);
  const anchor = inherit!(heirs[0], [{ at: parent, anchor: last.batch.anchor }]);
  assert(anchor !== undefined);

  await using soon = await openAhead(address, 20);
  const read: (number | undefined)[] = [];
  for (const heir of heirs) {
    await soon.verify(heir, beginning, anchor);
    const result = await soon.read(heir, beginning, LIMIT);
    read.push(result.kind === "batch" ? result.batch.count : undefined);
  }
  assertEquals(read.sort(), [0, 1], "one of them has the key, the other notes that it was read to its end");

  await using late = await openAhead(address, 30);
  for (const heir of heirs) {
    await late.verify(heir, beginning, anchor);
    const error = await assertRejects(
      () => late.read(heir, beginning, LIMIT),
      SourceError,
      "nothing was read of it yet",
    );
    assertEquals([error.code, error.partition], ["E_GAP", heir.partition]);
  }
});

Deno.test("a run that began at the end, and read nothing for longer than records are kept, says so", async () => {
  const address = await freshStream(1);
  await using before = await openAhead(address, 0, "latest");
  const [at] = await before.partitions();
  const start = await before.start();
  const anchor = before.startAnchor();
  await putRecords(address.stream, [{ key: "a", value: "1" }]);
  await using soon = await openAhead(address, 20, "latest");
  await soon.verify(at, start, anchor);
  assertEquals((await soon.read(at, start, LIMIT)).kind, "batch");
  await using late = await openAhead(address, 30, "latest");
  await late.verify(at, start, anchor);
  await assertRejects(() => late.read(at, start, LIMIT), SourceError, "nothing was read of it yet");
});

Deno.test("a shard that is read half of its retention behind is told of once, while there is time", async () => {
  const { stream } = await freshStream(1);
  await using proxy = await KinesisProxy.start(await kinesisEndpoint());
  await putRecords(stream, [{ key: "a", value: '{"n":1}' }]);
  proxy.overrides.set("GetRecords", (answer) => {
    return (answer.Records as unknown[]).length > 0 ? { ...answer, MillisBehindLatest: 13 * HOUR_MS } : answer;
  });
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  const from = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&callsPerSecond=50`;
  const { code, stderr } = await runCli(["run", "p.ts", "--from", from, "--to", "out.ndjson", "--until-end"], {
    cwd: folder.path,
  });
  assertEquals(code, 0, stderr);
  assertEquals(stderr.match(/is read 13 h behind its end, and records are kept for 24 h/g)?.length, 1);
});

Deno.test("a stream that was deleted and made anew is not taken for the one that was read (M32)", async () => {
  const { stream, endpoint } = await freshStream(1);
  await using folder = new TestFolder();
  folder.write("p.ts", scriptOf("context.emit({ value });"));
  const from = `kinesis://us-east-1/${stream}?endpoint=${endpoint}&callsPerSecond=50`;
  const run = async () =>
    await runCli(["run", "p.ts", "--from", from, "--to", "out.ndjson", "--until-end", "--quiet"], { cwd: folder.path });
  await putRecords(stream, [{ key: "a", value: '{"n":1}' }]);
  assertEquals((await run()).code, 0);
  await withKinesis(async (client) => {
    await client.send(new DeleteStreamCommand({ StreamName: stream }));
    await untilGone(client, stream);
    await client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: 1 }));
    await untilActive(client, stream);
  });
  await putRecords(stream, [{ key: "a", value: '{"n":2}' }]);
  const { code, stderr } = await run();
  assertEquals(code, 1);
  assertMatch(stderr, /the stream was created at .+Z, the one that was read at .+Z; it was deleted and made anew/);
  assertEquals(folder.read("out.ndjson"), '{"n":1}\n');
});

/** Asks for the stream itself: the emulator's listing ignores a start that is no stream, and has a hundred names at most. */
async function untilGone(client: KinesisClient, stream: string): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  while (performance.now() < deadlineMs) {
    try {
      await client.send(new DescribeStreamSummaryCommand({ StreamName: stream }));
    } catch (error) {
      if (error instanceof ResourceNotFoundException) return;
      throw error;
    }
  }
  throw new Error(`stream ${stream} is not gone after 30 s`);
}
