/** One record of a feed, by its place in processing order. */

import { type Batch, offsetAt, sliceBatch } from "../engine/batch.ts";
import type { Failure } from "../engine/failure.ts";
import type { Feed } from "../engine/feed.ts";
import { headersToJson, RecordHeaders } from "../engine/headers.ts";
import { payloadAt } from "../formats/record_payload.ts";
import type { DeadLetter, RecordEnvelope } from "./journal/journal.ts";
import type { Origin } from "../engine/record.ts";

/** A failure with the record it happened at. */
export interface RecordFailure extends Failure {
  /** The record alone, as a batch of one row; absent for timers and hooks. */
  readonly batch?: Batch;
  /** The input it arrived at. */
  readonly input?: string;
}

/** `failure` with the record of `feed` that it names. */
export function withRecord(feed: Feed, failure: Failure): RecordFailure {
  const found = find(feed, failure.record);
  if (!found) return failure;
  const { batch, row, input } = found;
  return { ...failure, batch: sliceBatch(batch, row, row + 1), input };
}

/** Where the record at `index` was read; undefined when there is no such record. */
export function originAt(feed: Feed, index: number): Origin | undefined {
  const found = find(feed, index);
  if (!found) return undefined;
  const { stream, partition } = found.batch;
  return { stream, partition, offset: offsetAt(found.batch, found.row) };
}

/** The place in processing order of the record at `origin`; -1 when the feed does not hold it. */
export function recordIndex({ batches, segments }: Feed, { stream, partition, offset }: Origin): number {
  let first = 0;
  for (const { batch, fromRow, toRow } of segments) {
    const records = batches[batch];
    if (records.stream === stream && records.partition === partition) {
      for (let row = fromRow; row < toRow; row++) if (offsetAt(records, row) === offset) return first + row - fromRow;
    }
    first += toRow - fromRow;
  }
  return -1;
}

/** The record at `index`, with its input and logical time; undefined when there is no such record. */
export function recordAt(feed: Feed, index: number): FeedRecord | undefined {
  return find(feed, index);
}

/** A record within a feed. */
export interface FeedRecord {
  readonly batch: Batch;
  readonly row: number;
  readonly input: string;
  /** See `Segment.timeMs`. */
  readonly timeMs: number;
}

function find({ batches, segments }: Feed, index: number): FeedRecord | undefined {
  let first = 0;
  for (const { batch, fromRow, toRow, input, timeMs } of segments) {
    const row = fromRow + index - first;
    if (index >= first && row < toRow) return { batch: batches[batch], row, input, timeMs };
    first += toRow - fromRow;
  }
  return undefined;
}

/** The dead letter of a failed record; none for timers and hooks. */
export function deadLetterOf({ batch, input, ...failure }: RecordFailure): DeadLetter[] {
  if (!batch || input === undefined) return [];
  const { stream, partition } = batch;
  const range = { input, stream, partition, offset: offsetAt(batch, 0) };
  return [{ range, ...payloadAt(batch, 0), ...envelopeOf(batch), failure }];
}

/** A time that cannot be read is none: it says so in the value. */
function envelopeOf({ headers, eventTimesMs }: Batch): { readonly envelope?: RecordEnvelope } {
  const pairs = [...new RecordHeaders(headers, 0)];
  const eventTimeMs = eventTimesMs?.[0] ?? NaN;
  const envelope = {
    ...(pairs.length > 0 ? { headers: headersToJson(pairs) } : {}),
    ...(Number.isFinite(eventTimeMs) ? { eventTimeMs } : {}),
  };
  return Object.keys(envelope).length > 0 ? { envelope } : {};
}
