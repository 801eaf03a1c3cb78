/** A feed that is in the journal, made into one that can be processed again: from the capture, or read again. */

import type { ReadResult, Source } from "../../adapters/source.ts";
import { type Batch, emptyBatch, joinBatches, offsetAt, sliceBatch, withoutRows } from "../../engine/batch.ts";
import type { Feed } from "../../engine/feed.ts";
import type { FeedEntry, Range, TaskJournal } from "../journal/journal.ts";
import { mergeOrder } from "../sealer.ts";
import type { SourcesAtHand } from "./recording.ts";

const READ_BYTES_MAX = 4 * 1024 * 1024;
const WAIT_MS_MAX = 1000;

/** The inputs of a feed cannot be had any more, or are not what they were. */
export class InputsChanged extends Error {
  override readonly name = "InputsChanged";
  readonly code = "E_INPUTS_CHANGED";
  readonly seq: number;
  readonly range: Range;

  /** `source` knows how positions are written. */
  constructor(seq: number, range: Range, reason: string, source?: Source) {
    const from = source?.positionText?.(range.from) ?? String(range.from);
    super(`Cannot read the inputs of feed ${seq} again: ${range.stream}/${range.partition} from ${from}: ${reason}`);
    this.seq = seq;
    this.range = range;
  }
}

/**
 * The feed of `entry`.
 *
 * @throws {InputsChanged} when the source does not have its records any more
 */
export async function loadRecordedFeed(
  entry: FeedEntry,
  journal: TaskJournal,
  sources: SourcesAtHand,
): Promise<Feed> {
  const captured = journal.captured(entry.seq);
  const batches = captured ? cutTo(entry.ranges, captured) : await readAgain(entry, sources);
  const inputs = entry.ranges.map(({ input }) => input);
  const segments = batches.length === 0 ? [] : mergeOrder(batches, inputs, entry.ranges[0].timeMs);
  return {
    seq: entry.seq,
    batches,
    segments,
    ...(entry.tickMs === undefined ? {} : { tickMs: entry.tickMs }),
    end: entry.isEnd,
  };
}

/** Of a feed that halted all was captured, also what it did not come to. */
function cutTo(ranges: readonly Range[], captured: readonly Batch[]): readonly Batch[] {
  const left = [...captured];
  return ranges.flatMap((range) => {
    const index = left.findIndex((batch) => isOf(range, batch));
    const [batch] = left.splice(0, index + 1).slice(-1);
    return batch === undefined || batch.count <= range.records ? batch ?? [] : sliceBatch(batch, 0, range.records);
  });
}

function isOf({ stream, partition, from, to }: Range, batch: Batch): boolean {
  const first = batch.count > 0 ? offsetAt(batch, 0) : from;
  return batch.stream === stream && batch.partition === partition && first >= from && first <= to;
}

function readAgain({ seq, ranges }: FeedEntry, sources: SourcesAtHand): Promise<Batch[]> {
  return Promise.all(ranges.map(async (range) => {
    const source = await sources.get(range.input);
    if (!source) throw new InputsChanged(seq, range, "its stream is not at hand, and the inputs were not captured");
    return readRange(seq, range, source);
  }));
}

/** Reads what is known to be there: a source that has to ask for it may be idle meanwhile. */
async function readPresent(source: Source, at: Range, from: bigint, recordsMax: number): Promise<ReadResult> {
  for (;;) {
    const result = await source.read(at, from, { recordsMax, bytesMax: READ_BYTES_MAX, looksAgain: true });
    if (result.kind !== "idle" || !result.isUnsure) return result;
    await source.waitForMore([at], AbortSignal.timeout(WAIT_MS_MAX));
  }
}

async function readRange(seq: number, range: Range, source: Source): Promise<Batch> {
  if (range.records === 0) return emptyBatch(range, range.to);
  const parts: Batch[] = [];
  const repeats = new Set(range.repeats);
  let missing = range.records;
  for (let from = range.from; missing > 0;) {
    const result = await readPresent(source, range, from, missing);
    if (result.kind === "gap") {
      const left = source.positionText?.(result.to) ?? String(result.to);
      throw new InputsChanged(seq, range, `the first offset left is ${left}; ${result.reason}`, source);
    }
    if (result.kind !== "batch") {
      throw new InputsChanged(seq, range, `${missing} of ${range.records} records are gone`, source);
    }
    const batch = repeats.size > 0 ? withoutRows(result.batch, repeats) : result.batch;
    if (batch.count > 0) parts.push(batch);
    missing -= batch.count;
    from = batch.next;
  }
  const joined = parts.length === 1 ? parts[0] : joinBatches(parts);
  if (offsetAt(joined, joined.count - 1) >= range.to) {
    throw new InputsChanged(seq, range, "it has other records now", source);
  }
  return joined.count > range.records ? sliceBatch(joined, 0, range.records) : joined;
}
