/** The simulated Kinesis against the emulator: the same actions have the same answers, and shards come out of each other alike. */

import { assertEquals } from "@std/assert";
import {
  GetRecordsCommand,
  GetShardIteratorCommand,
  type KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { type KinesisAddress, openClient } from "../../adapters/kinesis/client.ts";
import { freshStream, mergeShards, splitShard, withKinesis } from "../support/kinesis.ts";
import { serveKinesis } from "../support/simulated_servers.ts";

/** The stream under test, and how its shards are changed. */
interface Subject {
  readonly client: KinesisClient;
  readonly stream: string;
  split(index: number): Promise<void>;
  merge(index: number): Promise<void>;
}

Deno.test("simulated Kinesis answers as the emulator does: records, shards that split and merge, iterators", async () => {
  const address = await freshStream(2);
  const real = await withKinesis((client) =>
    transcriptOf({
      client: openClient(address),
      stream: address.stream,
      split: (index) => splitShard(client, address.stream, index),
      merge: (index) => mergeShards(client, address.stream, index),
    })
  );
  await using kinesis = await serveKinesis(address.stream, 2);
  const simulated: KinesisAddress = { ...address, endpoint: `http://127.0.0.1:${kinesis.port}` };
  const actual = await transcriptOf({
    client: openClient(simulated),
    stream: address.stream,
    split: (index) => Promise.resolve(kinesis.server.split(index)),
    merge: (index) => Promise.resolve(kinesis.server.merge(index)),
  });
  assertEquals(actual, real);
});

async function transcriptOf(subject: Subject): Promise<readonly string[]> {
  const { client, stream } = subject;
  const transcript: string[] = [];
  const put = async (keys: readonly string[]): Promise<void> => {
    const Records = keys.map((key) => ({ PartitionKey: key, Data: new TextEncoder().encode(key) }));
    const { FailedRecordCount = 0, Records: answers = [] } = await client.send(
      new PutRecordsCommand({ StreamName: stream, Records }),
    );
    transcript.push(`put ${keys.join()}: ${FailedRecordCount} failed, ${answers.map(({ ShardId }) => ShardId).join()}`);
  };
  await put(["a", "b", "c", "d", "e"]);
  await subject.split(0);
  await put(["a", "b", "c", "d", "e"]);
  await subject.merge(1);
  await put(["a", "b", "c", "d", "e"]);
  const { Shards = [] } = await client.send(new ListShardsCommand({ StreamName: stream }));
  for (const { ShardId, ParentShardId, AdjacentParentShardId, HashKeyRange, SequenceNumberRange } of Shards) {
    const isClosed = SequenceNumberRange?.EndingSequenceNumber !== undefined;
    const parents = [ParentShardId, AdjacentParentShardId].filter((each) => each !== undefined).join("+");
    const range = `${HashKeyRange?.StartingHashKey}..${HashKeyRange?.EndingHashKey}`;
    transcript.push(
      `${ShardId} of ${parents || "none"}, ${range}${isClosed ? ", closed" : ""}: ${await read(subject, ShardId!)}`,
    );
  }
  client.destroy();
  return transcript;
}

/** Its records from the first, and from the second on. */
async function read({ client, stream }: Subject, shard: string): Promise<string> {
  const place = { StreamName: stream, ShardId: shard };
  const first = await readFrom(
    client,
    (await client.send(
      new GetShardIteratorCommand({ ...place, ShardIteratorType: "TRIM_HORIZON" }),
    )).ShardIterator,
  );
  const second = first.sequences[1];
  if (second === undefined) return `${first.keys.join()}, ${first.isOver}`;
  const rest = await readFrom(
    client,
    (await client.send(
      new GetShardIteratorCommand({
        ...place,
        ShardIteratorType: "AT_SEQUENCE_NUMBER",
        StartingSequenceNumber: second,
      }),
    )).ShardIterator,
  );
  return `${first.keys.join()}, ${first.isOver}; from the second ${rest.keys.join()}`;
}

async function readFrom(client: KinesisClient, iterator: string | undefined) {
  const keys: string[] = [];
  const sequences: string[] = [];
  for (;;) {
    if (iterator === undefined) return { keys, sequences, isOver: true };
    const page = await client.send(new GetRecordsCommand({ ShardIterator: iterator }));
    for (const { PartitionKey, SequenceNumber } of page.Records ?? []) {
      keys.push(PartitionKey!);
      sequences.push(SequenceNumber!);
    }
    iterator = page.NextShardIterator;
    if (page.MillisBehindLatest === 0 && iterator !== undefined) return { keys, sequences, isOver: false };
  }
}
