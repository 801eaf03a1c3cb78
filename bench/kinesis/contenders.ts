/** Who reads and writes: the SDK as its users call it, the ports of Sluice, and whole runs. Each answers milliseconds. */

import { join } from "node:path";
import { fileURLToPath } from "node:url";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
  PutRecordsCommand,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { KinesisSink, type RecordFormat } from "../../adapters/kinesis/sink.ts";
import { KinesisSource } from "../../adapters/kinesis/source.ts";
import { packOutputs } from "../../formats/unpacked_outputs.ts";
import { PAGE_RECORDS, valueOf } from "./page.ts";

const STREAM = "bench";
const ENTRIES = 500;
const MAP = fileURLToPath(new URL("../processors/map.ts", import.meta.url));

function clientAt(endpoint: string): KinesisClient {
  return new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "local", secretAccessKey: "local" },
    requestHandler: new NodeHttpHandler(),
    maxAttempts: 1,
  });
}

/** A stream of its own in the emulator. */
export async function createStream(endpoint: string): Promise<string> {
  const client = clientAt(endpoint);
  const StreamName = crypto.randomUUID();
  await client.send(new CreateStreamCommand({ StreamName, ShardCount: 1 }));
  for (;;) {
    const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName }));
    if (StreamDescriptionSummary?.StreamStatus === "ACTIVE") break;
  }
  client.destroy();
  return StreamName;
}

/** The loop of the SDK's examples, an object per record: from its iterator to the last of `records`. */
export async function bareGet(endpoint: string, records: number, StreamName = STREAM): Promise<number> {
  const client = clientAt(endpoint);
  const { Shards } = await client.send(new ListShardsCommand({ StreamName }));
  const [{ ShardId }] = Shards!;
  const startMs = performance.now();
  let { ShardIterator } = await client.send(
    new GetShardIteratorCommand({ StreamName, ShardId, ShardIteratorType: "TRIM_HORIZON" }),
  );
  let [read, bytes] = [0, 0];
  while (read < records) {
    const { Records = [], NextShardIterator } = await client.send(
      new GetRecordsCommand({ ShardIterator, Limit: PAGE_RECORDS }),
    );
    for (const { Data } of Records) bytes += Data!.length;
    read += Records.length;
    ShardIterator = NextShardIterator;
  }
  const timeMs = performance.now() - startMs;
  client.destroy();
  if (bytes === 0) throw new Error("nothing was read");
  return timeMs;
}

/** Full requests, one after the other. */
export async function barePut(endpoint: string, records: number, StreamName = STREAM): Promise<number> {
  const values = Array.from({ length: records }, (_, n) => new TextEncoder().encode(valueOf(n)));
  const client = clientAt(endpoint);
  const startMs = performance.now();
  for (let at = 0; at < records; at += ENTRIES) {
    const Records = values.slice(at, at + ENTRIES).map((Data, i) => ({ Data, PartitionKey: String(at + i) }));
    const { FailedRecordCount } = await client.send(new PutRecordsCommand({ StreamName, Records }));
    if (FailedRecordCount) throw new Error(`${FailedRecordCount} records failed`);
  }
  client.destroy();
  return performance.now() - startMs;
}

/** The source port alone, from its first read to the last of `records`. */
export async function sourcePort(
  endpoint: string,
  records: number,
  withoutRepeats: boolean,
  stream = STREAM,
): Promise<number> {
  const options = { start: "earliest", isBounded: true, callsPerSecond: 1e6, withoutRepeats } as const;
  const source = await KinesisSource.open({ region: "us-east-1", stream, endpoint, ...options });
  const [at] = await source.partitions();
  const startMs = performance.now();
  let read = 0;
  for (let position = await source.start(); read < records;) {
    const result = await source.read(at, position, { recordsMax: PAGE_RECORDS, bytesMax: 4 << 20 });
    if (result.kind !== "batch") continue;
    read += result.batch.count;
    position = result.batch.next;
    source.release(at, position);
  }
  const timeMs = performance.now() - startMs;
  await source.close();
  return timeMs;
}

/** The sink port alone, in feeds of the usual size. */
export async function sinkPort(
  endpoint: string,
  records: number,
  format: RecordFormat,
  stream = STREAM,
): Promise<number> {
  const feeds = [];
  for (let at = 0; at < records; at += PAGE_RECORDS) {
    const length = Math.min(PAGE_RECORDS, records - at);
    feeds.push(packOutputs(Array.from({ length }, (_, i) => {
      return { name: 0, key: String(at + i), value: valueOf(at + i), timeMs: 0 };
    })));
  }
  const rest = {
    run: "bench",
    task: "0",
    epoch: 0n,
    outputNames: ["default"],
    positions: [],
    digest: new Uint8Array(16),
  };
  const startMs = performance.now();
  const sink = await KinesisSink.open({ region: "us-east-1", stream, endpoint, format });
  for (const [seq, outputs] of feeds.entries()) await sink.commit({ ...rest, seq, outputs });
  await sink.close();
  return performance.now() - startMs;
}

/** A whole run, from its start to its last commit. */
export async function sluiceRun(here: string, folder: string, from: string, to: string): Promise<number> {
  const id = crypto.randomUUID();
  const args = ["run", "--quiet", "-A", join(here, "../../cli/main.ts"), "run", MAP, "--from", from, "--to", to]
    .concat(["--name", id, "--journal", join(folder, `${id}.db`), "--until-end", "--json", "--quiet"]);
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const decoder = new TextDecoder();
  if (code !== 0) throw new Error(decoder.decode(stderr));
  return (JSON.parse(decoder.decode(stdout)) as { readonly elapsedMs: number }).elapsedMs;
}
