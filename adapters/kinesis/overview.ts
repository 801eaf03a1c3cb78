/** What streams there are in a region, for people: their shards, what these came out of, how long records are kept. */

import {
  DescribeStreamSummaryCommand,
  type KinesisClient,
  ListStreamsCommand,
  type StreamDescriptionSummary,
} from "@aws-sdk/client-kinesis";
import { SourceError } from "../source.ts";
import { isMissing, type KinesisAddress, listShards, openClient, streamReasonOf } from "./client.ts";
import { parentsOf, rangeOf } from "./shards.ts";

/** A shard as it is now. */
export interface ShardOverview {
  readonly shard: string;
  readonly isOpen: boolean;
  /** The first and the last hash key, in decimal digits. */
  readonly hashKeys: readonly [start: string, end: string];
  /** The part of all hash keys that it holds, from 0 to 1. */
  readonly share: number;
  readonly parents: readonly string[];
}

/** A stream as it is now. */
export interface KinesisOverview {
  readonly stream: string;
  readonly status: string;
  /** `PROVISIONED` or `ON_DEMAND`. */
  readonly mode: string;
  readonly retentionHours: number;
  readonly encryption: string;
  /** Consumers with a rate of their own. */
  readonly consumers: number;
  readonly shards: readonly ShardOverview[];
}

const HASH_KEYS = 2 ** 128;

/**
 * Looks at the stream that is named, or at all of the region.
 *
 * @throws {SourceError} when the region cannot be reached, or the stream is not there
 */
export async function lookAtKinesis(
  { stream, ...where }: Omit<KinesisAddress, "stream"> & { readonly stream?: string },
): Promise<readonly KinesisOverview[]> {
  const client = openClient({ ...where, stream: stream ?? "" });
  try {
    const names = stream === undefined ? await listStreams(client) : [stream];
    const found: KinesisOverview[] = [];
    for (const name of names) found.push(await overviewOf(client, name));
    return found;
  } catch (cause) {
    const place = `kinesis://${where.region}${stream === undefined ? "" : `/${stream}`}`;
    const reason = streamReasonOf(cause, { region: where.region, stream: stream ?? "" });
    throw new SourceError(`Cannot list the streams of ${place}: ${reason}`, {
      code: isMissing(cause) ? "E_STREAM_MISSING" : "E_SOURCE_UNREADABLE",
      stream: stream ?? "",
      cause,
    });
  } finally {
    client.destroy();
  }
}

/** Goes on behind the last name, since servers that speak this protocol give no token for the next page. */
async function listStreams(client: KinesisClient): Promise<readonly string[]> {
  const names: string[] = [];
  for (;;) {
    const page = await client.send(new ListStreamsCommand({ ExclusiveStartStreamName: names.at(-1) }));
    names.push(...page.StreamNames ?? []);
    if (!page.HasMoreStreams) return names.sort();
  }
}

async function overviewOf(client: KinesisClient, stream: string): Promise<KinesisOverview> {
  const { StreamDescriptionSummary: summary } = await client.send(
    new DescribeStreamSummaryCommand({ StreamName: stream }),
  );
  const shards = await listShards(client, stream);
  return {
    stream,
    ...settingsOf(summary!),
    shards: shards.map((shard) => {
      const [start, end] = rangeOf(shard);
      return {
        shard: shard.ShardId!,
        isOpen: shard.SequenceNumberRange?.EndingSequenceNumber === undefined,
        hashKeys: [String(start), String(end)],
        share: Number(end - start + 1n) / HASH_KEYS,
        parents: parentsOf(shard),
      };
    }),
  };
}

function settingsOf(summary: StreamDescriptionSummary): Omit<KinesisOverview, "stream" | "shards"> {
  return {
    status: summary.StreamStatus ?? "?",
    mode: summary.StreamModeDetails?.StreamMode ?? "PROVISIONED",
    retentionHours: summary.RetentionPeriodHours ?? NaN,
    encryption: summary.EncryptionType ?? "NONE",
    consumers: summary.ConsumerCount ?? 0,
  };
}
