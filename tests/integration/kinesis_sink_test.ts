/** Kinesis as a sink: what readers that are not ours find, what cannot be written, and what is said of it. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { GetRecordsCommand, GetShardIteratorCommand, ListShardsCommand } from "@aws-sdk/client-kinesis";
import { readAggregate } from "../../adapters/kinesis/aggregated.ts";
import { runCli } from "../support/cli.ts";
import { freshStream, kinesisEndpoint, withKinesis } from "../support/kinesis.ts";
import { KinesisProxy } from "../support/kinesis_proxy.ts";
import { scriptOf, TestFolder } from "../support/processor_script.ts";

interface Found {
  readonly key: string;
  readonly data: Uint8Array;
}

/** What the SDK reads of a stream. */
function readStream(stream: string): Promise<Found[]> {
  return withKinesis(async (client) => {
    const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
    const found: Found[] = [];
    for (const { ShardId } of Shards) {
      const from = { StreamName: stream, ShardId, ShardIteratorType: "TRIM_HORIZON" } as const;
      const { ShardIterator } = await client.send(new GetShardIteratorCommand(from));
      const { Records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }));
      found.push(...Records.map(({ PartitionKey, Data }) => ({ key: PartitionKey!, data: Data! })));
    }
    return found;
  });
}

async function send(folder: TestFolder, body: string, to: string, lines = 6) {
  folder.write("in.ndjson", Array.from({ length: lines }, (_, n) => `{"n":${n}}\n`).join(""));
  folder.write("send.ts", scriptOf(body));
  return await runCli(["run", "send.ts", "--from", "in.ndjson", "--to", to, "--until-end"], { cwd: folder.path });
}

const decoder = new TextDecoder();

Deno.test("plain: each output is a record with its key and its bytes; outputs without a key are spread", async () => {
  const { stream, endpoint } = await freshStream(2);
  await using folder = new TestFolder();
  const body = `context.emit(value.n < 3 ? { key: "k" + value.n, value } : { value });`;
  const result = await send(folder, body, `kinesis://us-east-1/${stream}?endpoint=${endpoint}&records=plain`);
  assertEquals(result.code, 0, result.stderr);
  const found = (await readStream(stream)).map(({ key, data }) => `${key} ${decoder.decode(data)}`).sort();
  const wanted = ['0-3 {"n":3}', '0-4 {"n":4}', '0-5 {"n":5}', 'k0 {"n":0}', 'k1 {"n":1}', 'k2 {"n":2}'];
  assertEquals(found, wanted);
  assertStringIncludes(result.stderr, "have no ids to tell; ?records=aggregated gives them ids");
});

Deno.test("aggregated: the format of Amazon's library, with ids in tags, a record per shard and size", async () => {
  const { stream, endpoint } = await freshStream(1);
  await using folder = new TestFolder();
  const result = await send(
    folder,
    `context.emit({ key: "k" + value.n % 2, value });`,
    `kinesis://us-east-1/${stream}?endpoint=${endpoint}`,
  );
  assertEquals(result.code, 0, result.stderr);
  const records = await readStream(stream);
  assertEquals(records.length, 1);
  const { records: inside, hashKeys } = readAggregate(records[0].data)!;
  assertEquals(hashKeys.map((each) => decoder.decode(each)), ["0", String(2n ** 128n - 1n)]);
  assertEquals(
    inside.map(({ key, value, id }) =>
      [key, value, id!].map((each) => decoder.decode(each).replace(/test@\w+/, "RUN")).join(" ")
    ),
    Array.from({ length: 6 }, (_, n) => `k${n % 2} {"n":${n}} 0.${n}.RUN/0/default`),
  );
  assertStringIncludes(result.stderr, "a run that reads them with ?dedupe=sluice has each once");
});

const REFUSED: readonly (readonly [what: string, body: string, says: string])[] = [
  ["a record that is too large", `context.emit({ key: "a", value: "x".repeat(value.n * 100_000) });`, "takes 1000"],
  ["a tombstone", `context.emit({ key: "a", value: value.n < 5 ? value : null });`, "a stream has no tombstones"],
  ["headers", `context.emit({ key: "a", value, headers: { h: "1" } });`, "streams have no headers"],
  ["a partition", `context.emit({ key: "a", value, partition: 1 });`, "its key decides in a stream"],
  ["a long key", `context.emit({ key: "k".repeat(300), value });`, "its key has 300 characters, a stream takes 256"],
];

for (const [what, body, says] of REFUSED) {
  Deno.test(`${what} is refused before anything is written`, async () => {
    const { stream } = await freshStream(1);
    await using proxy = await KinesisProxy.start(await kinesisEndpoint());
    await using folder = new TestFolder();
    const to = `kinesis://us-east-1/${stream}?endpoint=${proxy.endpoint}&recordBytesMax=100000`;
    const result = await send(folder, body, to);
    assertEquals(result.code, 1, result.stderr);
    assertStringIncludes(result.stderr, "Cannot write output");
    assertStringIncludes(result.stderr, says);
    assertEquals(proxy.seen("PutRecords"), 0);
  });
}

Deno.test("mistakes are told in a sentence", async () => {
  await using folder = new TestFolder();
  const endpoint = await kinesisEndpoint();
  const cases: readonly (readonly [query: string, code: number, says: string])[] = [
    [`nobody?endpoint=${endpoint}`, 1, "there is no such stream in us-east-1"],
    [`nobody?endpoint=${endpoint}&records=raw`, 2, "records is raw; aggregated or plain is wanted"],
    [`nobody?endpoint=${endpoint}&recordBytesMax=much`, 2, "recordBytesMax"],
    [`nobody?endpoint=${endpoint}&dedupe=sluice`, 2, "dedupe is unknown"],
  ];
  for (const [query, code, says] of cases) {
    const result = await send(folder, "context.emit({ value });", `kinesis://us-east-1/${query}`);
    assertEquals(result.code, code, result.stderr);
    assertStringIncludes(result.stderr, says);
  }
});
