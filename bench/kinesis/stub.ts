/**
 * A server that answers as Kinesis does, from memory: pages that were made before, and yes to every PutRecords. It says how
 * fast a client can be; the emulator is slower than any. `deno run -A stub.ts PAGES` prints its port.
 */

import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { pageOf } from "./page.ts";

const PAGES = Number(Deno.args[0]);
const SHARD = "shardId-000000000000";
const TYPE = { "content-type": "application/x-amz-json-1.1" };

const pages = Array.from({ length: PAGES }, (_, i) => Buffer.from(pageOf(i, i + 1 < PAGES)));
const shards = json({
  Shards: [{
    ShardId: SHARD,
    HashKeyRange: { StartingHashKey: "0", EndingHashKey: String(2n ** 128n - 1n) },
    SequenceNumberRange: { StartingSequenceNumber: "1" },
  }],
});
const summary = json({ StreamDescriptionSummary: { RetentionPeriodHours: 24, StreamStatus: "ACTIVE" } });
const written = json({ SequenceNumber: "1", ShardId: SHARD });

const server = createServer(async (request, response) => {
  const chunks: Uint8Array[] = [];
  for await (const chunk of request) chunks.push(chunk);
  const answer = answerTo(String(request.headers["x-amz-target"]).split(".")[1], Buffer.concat(chunks));
  response.writeHead(200, { ...TYPE, "content-length": answer.length });
  response.end(answer);
});
server.listen(0, "127.0.0.1", () => console.log((server.address() as AddressInfo).port));

function answerTo(action: string, body: Buffer): Buffer {
  switch (action) {
    case "ListShards":
      return shards;
    case "DescribeStreamSummary":
      return summary;
    case "GetShardIterator":
      return json({ ShardIterator: "0" });
    case "GetRecords":
      return pages[Number(JSON.parse(body.toString()).ShardIterator)];
    case "PutRecords":
      return accept(body);
    default:
      throw new Error(`the stub does not know ${action}`);
  }
}

/** A yes per entry, without decoding them. */
function accept(body: Buffer): Buffer {
  let count = 0;
  for (let at = body.indexOf('"PartitionKey"'); at >= 0; at = body.indexOf('"PartitionKey"', at + 1)) count++;
  const records = Array.from({ length: count }, () => written.toString()).join(",");
  return Buffer.from(`{"FailedRecordCount":0,"Records":[${records}]}`);
}

function json(value: unknown): Buffer {
  return Buffer.from(JSON.stringify(value));
}
