/** A Kinesis emulator for tests, streams of its own for each of them, and aggregated records as Amazon's library makes them. */

import { createHash } from "node:crypto";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListShardsCommand,
  MergeShardsCommand,
  PutRecordsCommand,
  type Shard,
  SplitShardCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { KinesisAddress } from "../../adapters/kinesis/client.ts";
import { sharedService } from "./shared_service.ts";

/** The endpoint of the emulator that all tests share: the one of `deno task services`, or one that ends with the tests. */
export async function kinesisEndpoint(): Promise<string> {
  return `http://${(await sharedService("kinesis")).address}`;
}

/** Runs `work` with a client of the test's own. */
export async function withKinesis<T>(work: (client: KinesisClient) => Promise<T>): Promise<T> {
  const client = new KinesisClient({
    endpoint: await kinesisEndpoint(),
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: new NodeHttpHandler({ requestTimeout: 30_000, throwOnRequestTimeout: true }),
    maxAttempts: 1,
  });
  try {
    return await work(client);
  } finally {
    client.destroy();
  }
}

/** A stream that no other test knows. */
export async function freshStream(shards = 1): Promise<KinesisAddress> {
  const stream = `test-${crypto.randomUUID()}`;
  await withKinesis(async (client) => {
    await client.send(new CreateStreamCommand({ StreamName: stream, ShardCount: shards }));
    await untilActive(client, stream);
  });
  return { region: "us-east-1", stream, endpoint: await kinesisEndpoint() };
}

/** Resolves when `stream` can be used; changes of shards take a moment. */
export async function untilActive(client: KinesisClient, stream: string): Promise<void> {
  const deadlineMs = performance.now() + 30_000;
  for (;;) {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName: stream }));
    if (StreamDescriptionSummary?.StreamStatus === "ACTIVE") return;
    if (performance.now() > deadlineMs) throw new Error(`stream ${stream} is not active after 30 s`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Writes records, in order. */
export async function putRecords(
  stream: string,
  records: readonly { readonly key: string; readonly value: string | Uint8Array }[],
): Promise<void> {
  await withKinesis(async (client) => {
    for (let at = 0; at < records.length; at += 100) {
      const Records = records.slice(at, at + 100).map(({ key, value }) => ({
        PartitionKey: key,
        Data: typeof value === "string" ? new TextEncoder().encode(value) : value,
      }));
      await client.send(new PutRecordsCommand({ StreamName: stream, Records }));
    }
  });
}

/** The shards that take records now, in order of their hash keys. */
export async function openShards(client: KinesisClient, stream: string): Promise<readonly Shard[]> {
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
  return Shards.filter(({ SequenceNumberRange }) => SequenceNumberRange?.EndingSequenceNumber === undefined)
    .sort((a, b) => startOf(a) < startOf(b) ? -1 : 1);
}

function startOf({ HashKeyRange }: Shard): bigint {
  return BigInt(HashKeyRange!.StartingHashKey!);
}

/** Splits the open shard number `index` where `share` of its hash keys end. */
export async function splitShard(client: KinesisClient, stream: string, index: number, share = 0.5): Promise<void> {
  const shard = (await openShards(client, stream))[index];
  const [start, end] = [startOf(shard), BigInt(shard.HashKeyRange!.EndingHashKey!)];
  const at = start + 1n + (end - start - 1n) * BigInt(Math.floor(share * 1000)) / 1000n;
  const ids = { StreamName: stream, ShardToSplit: shard.ShardId!, NewStartingHashKey: String(at) };
  await client.send(new SplitShardCommand(ids));
  await untilActive(client, stream);
}

/** Merges the open shard number `index` with the next one. */
export async function mergeShards(client: KinesisClient, stream: string, index: number): Promise<void> {
  const [first, second] = (await openShards(client, stream)).slice(index, index + 2);
  const ids = { ShardToMerge: first.ShardId!, AdjacentShardToMerge: second.ShardId! };
  await client.send(new MergeShardsCommand({ StreamName: stream, ...ids }));
  await untilActive(client, stream);
}

/** An aggregated record, as the Kinesis Producer Library writes it. */
export function aggregate(records: readonly { readonly key: string; readonly value: Uint8Array }[]): Uint8Array {
  const keys = [...new Set(records.map(({ key }) => key))];
  const message = concat([
    ...keys.map((key) => field(1, new TextEncoder().encode(key))),
    ...records.map(({ key, value }) => field(3, concat([varint(8), varint(keys.indexOf(key)), field(3, value)]))),
  ]);
  const digest = createHash("md5").update(message).digest();
  return concat([Uint8Array.of(0xf3, 0x89, 0x9a, 0xc2), message, digest]);
}

function field(number: number, bytes: Uint8Array): Uint8Array {
  return concat([varint(number * 8 + 2), varint(bytes.length), bytes]);
}

function varint(value: number): Uint8Array {
  const bytes: number[] = [];
  for (; value >= 128; value = Math.floor(value / 128)) bytes.push(value % 128 + 128);
  return Uint8Array.from([...bytes, value]);
}

function concat(parts: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(parts.flatMap((part) => [...part]));
}
