/** Clients of one region, and what they are asked about streams. */

import {
  DescribeStreamSummaryCommand,
  KinesisClient,
  ListShardsCommand,
  type ListShardsCommandInput,
} from "@aws-sdk/client-kinesis";
import { clientOptions, isNamed, openConnections, reasonOf, type ServiceAddress } from "../aws.ts";
import type { Shard } from "./shards.ts";

/** Where a stream is. */
export interface KinesisAddress extends ServiceAddress {
  /** The name of the stream. */
  readonly stream: string;
}

const REQUEST_TIME_MS_MAX = 30_000;
const CONNECT_TIME_MS_MAX = 5_000;
/** Connections, which clients of one address may share. */
export function openHandler(): ReturnType<typeof openConnections> {
  return openConnections({ requestMsMax: REQUEST_TIME_MS_MAX, connectMsMax: CONNECT_TIME_MS_MAX });
}

/** A client. It tries nothing again by itself: a repeated PutRecords writes twice. */
export function openClient(address: KinesisAddress, connections = openHandler()): KinesisClient {
  return new KinesisClient(clientOptions(address, connections));
}

/** All shards of a stream, closed ones too; or those that were open at a time. */
export async function listShards(
  client: KinesisClient,
  stream: string,
  openAt?: "latest" | { readonly timeMs: number },
): Promise<readonly Shard[]> {
  const shards: Shard[] = [];
  const first: ListShardsCommandInput = { StreamName: stream, ...openAt === undefined ? {} : filterOf(openAt) };
  let next: string | undefined;
  for (;;) {
    const page = await client.send(new ListShardsCommand(next === undefined ? first : { NextToken: next }));
    shards.push(...page.Shards ?? []);
    next = page.NextToken;
    if (next === undefined) return shards;
  }
}

function filterOf(openAt: "latest" | { readonly timeMs: number }): Pick<ListShardsCommandInput, "ShardFilter"> {
  if (openAt === "latest") return { ShardFilter: { Type: "AT_LATEST" } };
  return { ShardFilter: { Type: "AT_TIMESTAMP", Timestamp: new Date(openAt.timeMs) } };
}

/** What may be known of a stream without its shards. */
export interface StreamSummary {
  readonly createdMs: number;
  /** How long its records are kept. */
  readonly retentionMs: number;
}

/** A stream as it is now. */
export async function describe(client: KinesisClient, stream: string): Promise<StreamSummary> {
  const { StreamDescriptionSummary } = await client.send(new DescribeStreamSummaryCommand({ StreamName: stream }));
  const { RetentionPeriodHours, StreamCreationTimestamp } = StreamDescriptionSummary!;
  return { createdMs: StreamCreationTimestamp!.getTime(), retentionMs: RetentionPeriodHours! * 3_600_000 };
}

/** Whether a request failed because the stream is not there. */
export function isMissing(error: unknown): boolean {
  return isNamed(error, "ResourceNotFoundException");
}

/** Why a request failed, for people. */
export function streamReasonOf(error: unknown, { region, stream }: Pick<KinesisAddress, "region" | "stream">): string {
  return isMissing(error)
    ? `there is no such stream in ${region}; aws kinesis create-stream --stream-name ${stream} makes it`
    : reasonOf(error);
}
