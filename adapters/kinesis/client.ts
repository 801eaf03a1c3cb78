/** Clients of one region, and what their errors mean. */

import {
  DescribeStreamSummaryCommand,
  KinesisClient,
  type KinesisClientConfig,
  ListShardsCommand,
  type ListShardsCommandInput,
} from "@aws-sdk/client-kinesis";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import type { Shard } from "./shards.ts";

/** Where a stream is. Credentials come by the SDK's default chain. */
export interface KinesisAddress {
  /** Such as `eu-central-1`. */
  readonly region: string;
  /** The name of the stream. */
  readonly stream: string;
  /** Another endpoint than the region's: an emulator, a VPC endpoint. */
  readonly endpoint?: string;
}

const REQUEST_TIME_MS_MAX = 30_000;
const CONNECT_TIME_MS_MAX = 5_000;
/** AWS's own credentials have nothing to do with an emulator on this machine. */
const LOCAL_CREDENTIALS = { accessKeyId: "local", secretAccessKey: "local" };

/** Connections, which clients of one address may share. */
export function openHandler(): NodeHttpHandler {
  return new NodeHttpHandler({
    requestTimeout: REQUEST_TIME_MS_MAX,
    connectionTimeout: CONNECT_TIME_MS_MAX,
    throwOnRequestTimeout: true,
  });
}

/**
 * A client. It tries nothing again by itself: a repeated PutRecords writes twice, and who waits is decided elsewhere.
 *
 * The handler speaks HTTP/1.1: the SDK's default for Kinesis is HTTP/2, which emulators fail, and whose time-outs only warn.
 */
export function openClient({ region, endpoint }: KinesisAddress, handler = openHandler()): KinesisClient {
  const isLocal = endpoint !== undefined && /^https?:\/\/(?:localhost|127\.|\[::1\])/.test(endpoint);
  const hasCredentials = Deno.env.has("AWS_ACCESS_KEY_ID") || Deno.env.has("AWS_PROFILE");
  const config: KinesisClientConfig = {
    region,
    maxAttempts: 1,
    requestHandler: handler,
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(isLocal && !hasCredentials ? { credentials: LOCAL_CREDENTIALS } : {}),
  };
  return new KinesisClient(config);
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

/** Nothing was done, and another attempt may work. */
const PASSING: ReadonlySet<string> = new Set([
  "ProvisionedThroughputExceededException",
  "LimitExceededException",
  "KMSThrottlingException",
  "ThrottlingException",
  "InternalFailure",
  "InternalFailureException",
  "ServiceUnavailable",
  "TimeoutError",
  "NetworkingError",
]);

interface AwsError extends Error {
  readonly $metadata?: { readonly httpStatusCode?: number };
  readonly code?: string;
}

/** Whether another attempt may work. */
export function isPassing(error: unknown): boolean {
  const { name, code = "", $metadata } = error as AwsError;
  const status = $metadata?.httpStatusCode ?? 0;
  return PASSING.has(name) || status >= 500 || /^(?:ECONN|EPIPE|ETIMEDOUT|EAI_AGAIN)/.test(code) ||
    (status === 0 && /socket hang up|connection (?:closed|reset)/i.test((error as Error).message));
}

/** Whether an error is the one of that name. */
export function isNamed(error: unknown, name: string): boolean {
  return (error as Error).name === name;
}
