/**
 * Digests of a feed, unit by unit: where a record came from, its bytes, its outputs, and its trace.
 *
 * They are computed by the controller, over packed bytes, while the sandbox is at the next feed. What a feed's split
 * decides (row numbers, sequence numbers) is not part of them, so the chain after n records is the same for every split
 * (I6).
 *
 * The loops are in WebAssembly (digest_units.wat; decision 0022): each pass extends the digests of all units by one more
 * part of what they did.
 */

import type { Batch } from "../engine/batch.ts";
import type { Digest } from "../engine/digest.ts";
import type { PackedFeed } from "../engine/feed.ts";
import type { PackedOutputs } from "../engine/output.ts";
import type { UnitColumns } from "../engine/report.ts";
import type { StateEntries } from "../engine/state.ts";
import { originHash } from "../engine/text_batch.ts";
import type { TraceColumns } from "../engine/trace.ts";
import { type Column, type DigestMemory, withDigestMemory } from "./digest_memory.ts";
import { type EncodedParts, encodeParts } from "./sandbox/text.ts";

/** The digests of one feed. */
export interface FeedDigests {
  readonly unitDigests: Uint32Array<ArrayBuffer>;
  readonly inputDigest: Uint8Array<ArrayBuffer>;
}

/** The records of a feed. */
export type FeedRecords = Pick<PackedFeed, "batches" | "segments">;

/** What the units of a feed did. */
export interface UnitsDid {
  readonly units: UnitColumns;
  readonly outputs: PackedOutputs;
  readonly trace: TraceColumns;
  readonly changes: StateEntries;
}

const DIGEST_BYTES = 16;
/** No number is longer than `-1.2345678901234567e-308`. */
const NUMBER_BYTES_MAX = 24;
const WORD_BYTES = 4;
/** Batch, first row, row after the last, input. */
const SEGMENT_WORDS = 4;
const NO_BYTES = new Uint8Array(0);
const NO_NUMBERS = new Float64Array(0);

/** Extends `chain` by what the units of `feed` did. */
export function digestFeed(feed: FeedRecords, did: UnitsDid, chain: Digest): FeedDigests {
  return withDigestMemory((memory) => {
    const { records, outputEnds, traceEnds } = did.units;
    const units: Units = { count: records.length, at: memory.take(DIGEST_BYTES * records.length) };
    const input = memory.put(new Uint8Array(DIGEST_BYTES));
    const chainAt = memory.put(chain.toBytes());
    const { end } = memory;
    const digests = digestRecords(memory, feed);
    memory.passes.units(units.count, units.at, memory.put(records), digests, input);
    memory.end = end;
    if (did.outputs.count > 0) digestOutputs(memory, units, outputEnds, did.outputs);
    memory.end = end;
    if (did.trace.kinds.length > 0) digestTrace(memory, units, traceEnds, did);
    memory.end = end;
    const first = memory.take(WORD_BYTES * units.count);
    memory.passes.chain(units.count, units.at, chainAt, first);
    chain.restore(memory.copy(chainAt, DIGEST_BYTES));
    return {
      unitDigests: new Uint32Array(memory.copy(first, WORD_BYTES * units.count).buffer),
      inputDigest: memory.copy(input, DIGEST_BYTES),
    };
  });
}

/** The digests of units that are under way. */
interface Units {
  readonly count: number;
  readonly at: number;
}

/** Digests the records of a feed in the order in which they are processed; answers where their digests are. */
function digestRecords(memory: DigestMemory, { batches, segments: { words, timesMs } }: FeedRecords): number {
  let records = 0;
  for (let at = 0; at < words.length; at += SEGMENT_WORDS) records += words[at + 2] - words[at + 1];
  const digests = memory.take(DIGEST_BYTES * records);
  const laid = Int32Array.from(batches.flatMap((batch) => layBatch(memory, batch)));
  memory.passes.records(timesMs.length, memory.put(words), memory.put(laid), digests);
  return digests;
}

/** Lays out the columns of a batch; answers where they are, as `records` wants it. */
function layBatch(memory: DigestMemory, batch: Batch): readonly number[] {
  const { offsetWords, offsetWidth, ranges, bytes, headers } = batch;
  const columns = [ranges, bytes, ...(headers ? [headers.starts, headers.ranges, headers.bytes] : [])];
  const [rangesAt, bytesAt, startsAt = 0, ...headersAt] = columns.map((column) => memory.put(column));
  const [headerRangesAt = 0, headerBytesAt = 0] = headersAt;
  return [
    originHash(batch),
    memory.put(offsetWidth % 2 === 0 ? offsetWords : withZero(offsetWords)),
    offsetWidth,
    rangesAt,
    bytesAt,
    startsAt,
    headerRangesAt,
    headerBytesAt,
  ];
}

/** Words are hashed in pairs: an odd one goes with the first of the next row, and with 0 where there is none. */
function withZero(words: Uint32Array): Uint32Array {
  const more = new Uint32Array(words.length + 1);
  more.set(words);
  return more;
}

function digestOutputs(memory: DigestMemory, units: Units, ends: Int32Array, outputs: PackedOutputs): void {
  const { names, timesMs, keyLengths, keys, valueLengths, values, extras } = outputs;
  const columns = [ends, names, timesMs, keyLengths, keys, valueLengths, values];
  const extra = extras ? [extras.rows, extras.partitions, extras.headerLengths, extras.headers] : [];
  const put = (column: Column): number => memory.put(column);
  const [endsAt, ...others] = columns.map(put);
  memory.passes.outputs(units.count, units.at, endsAt, ...others, extras?.rows.length ?? 0, ...extra.map(put));
}

function digestTrace(memory: DigestMemory, units: Units, ends: Int32Array, { trace, changes }: UnitsDid): void {
  const { kinds, subjectLengths, detailLengths, numbers } = trace;
  const { bytes, lengths } = encodeTrace(trace);
  const columns: Column[] = [ends, kinds, subjectLengths, detailLengths, lengths, bytes, numbers ?? NO_NUMBERS];
  const [endsAt, ...others] = columns.map((column) => memory.put(column));
  // Only what is told by its place among the changes needs their keys.
  const keys = subjectLengths.some((length) => length < 0) ? layKeys(memory, changes) : [];
  memory.passes.trace(units.count, units.at, endsAt, ...others, ...keys);
}

/** The text of a trace, with the bytes of each entry. */
function encodeTrace({ text, subjectLengths, detailLengths }: TraceColumns): EncodedParts {
  if (text.every((piece) => piece === "")) return { bytes: NO_BYTES, lengths: detailLengths };
  return encodeParts(text, subjectLengths.map((length, i) => Math.max(length, 0) + detailLengths[i]), 0);
}

/** Lays out the keys of changes: where each begins, its bytes, its code units, and room for any of them with a number. */
function layKeys(memory: DigestMemory, changes: StateEntries): readonly number[] {
  const { bytes, lengths } = encodeParts([changes.text], changes.lengths, 0);
  const count = lengths.length / 2;
  const starts = memory.take(WORD_BYTES * count);
  const keyLengths = memory.put(lengths);
  const keyUnits = memory.put(changes.lengths);
  const longest = memory.passes.starts(count, keyLengths, memory.put(bytes), starts);
  return [starts, keyLengths, keyUnits, memory.take(longest + NUMBER_BYTES_MAX)];
}
