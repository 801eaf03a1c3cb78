/**
 * Sealing: which records a feed holds, in which order, at what time. The only place where these are decided.
 *
 * Partitions are merged by event time, then stream, partition and offset (I7): the order within a feed is a function of
 * its ranges alone, so the journal keeps the ranges and a replay merges again. A record is taken only when the next one
 * of every other partition is known or its partition is idle; for bounded inputs any split therefore gives one order.
 */

import type { ReadLimit, Source } from "../adapters/source.ts";
import { type Batch, joinBatches, positionAt, sliceBatch } from "../engine/batch.ts";
import { nextRun } from "./merge.ts";
import type { Segment } from "../engine/feed.ts";
import { compareText } from "../engine/state.ts";
import { type Progress, progressBehind, type Range, type TaskPartition } from "./journal/journal.ts";
import { partitionKey } from "./journal/rows.ts";

/** A sealed feed: what goes to the sandbox and what goes to the journal. */
export interface SealedFeed {
  readonly batches: readonly Batch[];
  readonly segments: readonly Segment[];
  readonly ranges: readonly Range[];
  /** Progress after the feed. */
  readonly progress: ReadonlyMap<string, Progress>;
}

/** What there is to do. */
export type SealResult =
  | { readonly kind: "feed"; readonly feed: SealedFeed }
  | { readonly kind: "idle" }
  | { readonly kind: "ended" }
  /** Nothing will ever come, and other partitions go on with some of the keys. */
  | { readonly kind: "closed" };

/** Records that are gone before they were read. */
export interface Gap extends TaskPartition {
  /** Where the task stands. */
  readonly from: bigint;
  /** The first record that is left. */
  readonly to: bigint;
  /** Why; ends a sentence. */
  readonly reason: string;
}

/** One partition as the sealer reads it. */
interface Lane {
  readonly partition: TaskPartition;
  readonly key: string;
  readonly source: Source;
  position: bigint;
  anchor: string | undefined;
  /** Read ahead; sealed before `row`. */
  batch: Batch | undefined;
  row: number;
  end: "ended" | "closed" | undefined;
}

/** Seals the feeds of one task. */
export class Sealer {
  readonly #lanes: readonly Lane[];
  readonly #acceptGap: (gap: Gap) => void;

  /**
   * @param progress where each partition goes on; every partition must be in it
   * @param acceptGap throws unless the task is to go on behind the gap
   */
  constructor(
    partitions: readonly TaskPartition[],
    sources: ReadonlyMap<string, Source>,
    progress: ReadonlyMap<string, Progress>,
    acceptGap: (gap: Gap) => void,
  ) {
    this.#acceptGap = acceptGap;
    this.#lanes = partitions.map((partition): Lane => {
      const key = partitionKey(partition);
      const { position, anchor } = progress.get(key)!;
      const source = sources.get(partition.input)!;
      return { partition, key, source, position, anchor, batch: undefined, row: 0, end: undefined };
    }).sort(compareLanes);
  }

  /** Progress so far. */
  get progress(): ReadonlyMap<string, Progress> {
    return new Map(this.#lanes.map(({ key, position: to, anchor }) => [key, progressBehind({ to, anchor })]));
  }

  /** Seals the next feed at `timeMs`. */
  async next(limit: ReadLimit, timeMs: number): Promise<SealResult> {
    const count = this.#lanes.length;
    // What one of them gives a feed on the average: with less left, its end would cut the feed short.
    const rowsMin = count > 1 ? Math.ceil(limit.recordsMax / count) : 0;
    await all(this.#lanes.map(async (lane) => {
      await readAhead(lane, { ...limit, untilKnown: count > 1 }, this.#acceptGap);
      if (lane.batch && lane.batch.count - lane.row < rowsMin) await topUp(lane, lane.batch, limit);
    }));
    const ready = this.#lanes.filter(({ batch }) => batch !== undefined);
    if (ready.length === 0) return { kind: this.#end() ?? "idle" };
    const batches = count === 1 ? takeAll(ready[0]) : takeMerged(this.#lanes, limit.recordsMax);
    return { kind: "feed", feed: this.#seal(ready, batches, timeMs) };
  }

  #end(): "ended" | "closed" | undefined {
    if (!this.#lanes.every(({ end }) => end !== undefined)) return undefined;
    return this.#lanes.some(({ end }) => end === "closed") ? "closed" : "ended";
  }

  #seal(lanes: readonly Lane[], batches: readonly Batch[], timeMs: number): SealedFeed {
    const taken = batches.map((batch) => lanes.find(({ partition }) => isOf(batch, partition))!);
    const inputs = taken.map(({ partition }) => partition.input);
    const ranges = batches.map((batch, i): Range => {
      const { source, partition, position: from } = taken[i];
      const { next: to, count: records, repeats, anchor = source.anchorAt?.(batch, batch.count) } = batch;
      return {
        ...partition,
        from,
        to,
        records,
        timeMs,
        ...eventTimeOf(batch, records - 1),
        ...(anchor === undefined ? {} : { anchor }),
        ...(repeats ? { repeats } : {}),
      };
    });
    ranges.forEach((range, i) => {
      taken[i].position = range.to;
      taken[i].anchor = range.anchor;
    });
    return { batches, segments: mergeOrder(batches, inputs, timeMs), ranges, progress: this.progress };
  }
}

function eventTimeOf({ eventTimesMs }: Batch, row: number): Pick<Range, "eventTimeMs"> {
  const eventTimeMs = eventTimesMs?.[row] ?? NaN;
  return Number.isFinite(eventTimeMs) ? { eventTimeMs } : {};
}

function isOf(batch: Batch, partition: TaskPartition): boolean {
  return batch.stream === partition.stream && batch.partition === partition.partition;
}

function compareLanes(a: Lane, b: Lane): number {
  return compareText(a.partition.stream, b.partition.stream) ||
    compareText(a.partition.partition, b.partition.partition);
}

/** Throws what one of them threw, when none is under way any more: whoever reads next has the source to himself. */
async function all(reads: readonly Promise<void>[]): Promise<void> {
  for (const read of await Promise.allSettled(reads)) if (read.status === "rejected") throw read.reason;
}

async function readAhead(lane: Lane, limit: ReadLimit, acceptGap: (gap: Gap) => void): Promise<void> {
  if (lane.batch || lane.end) return;
  const { source, partition, position } = lane;
  const result = await source.read(partition, position, limit);
  switch (result.kind) {
    case "batch":
      lane.batch = result.batch;
      break;
    case "gap":
      acceptGap({ ...partition, from: position, to: result.to, reason: result.reason });
      lane.position = result.to;
      break;
    case "ended":
    case "closed":
      lane.end = result.kind;
      break;
    case "idle":
      break;
    default:
      result satisfies never;
  }
}

/**
 * Adds what is there already. Whatever else there is to say, errors too, comes when the lane is empty: what it holds may not
 * be there to be read again.
 */
async function topUp(lane: Lane, batch: Batch, limit: ReadLimit): Promise<void> {
  if (lane.end || batch.repeats) return;
  const result = await lane.source.read(lane.partition, batch.next, limit).catch(() => undefined);
  if (result?.kind !== "batch") return;
  lane.batch = joinBatches([sliceBatch(batch, lane.row, batch.count), result.batch]);
  lane.row = 0;
}

function takeAll(lane: Lane): Batch[] {
  const batch = lane.batch!;
  lane.batch = undefined;
  return [batch];
}

/** Takes what the merge takes first, from every lane its part. */
function takeMerged(lanes: readonly Lane[], recordsMax: number): Batch[] {
  const batches = lanes.map(({ batch }) => batch);
  const rows = lanes.map(({ row }) => row);
  for (let taken = 0; taken < recordsMax;) {
    const run = nextRun(batches, rows, recordsMax - taken);
    if (run === undefined) break;
    rows[run.batch] = run.toRow;
    taken += run.toRow - run.fromRow;
    // What comes after the end of this batch is unknown; taking on from others could overtake it.
    if (run.toRow === batches[run.batch]!.count) break;
  }
  // What holds no records, such as the end of a shard, is in nobody's way.
  const isTaken = (lane: Lane, i: number) => rows[i] > lane.row || lane.batch?.count === 0;
  return lanes.flatMap((lane, i) => isTaken(lane, i) ? [takeRows(lane, rows[i])] : []);
}

function takeRows(lane: Lane, toRow: number): Batch {
  const batch = lane.batch!;
  const fromRow = lane.row;
  const isLast = toRow === batch.count;
  lane.row = isLast ? 0 : toRow;
  if (isLast) lane.batch = undefined;
  if (isLast && fromRow === 0) return batch;
  const anchor = lane.source.anchorAt?.(batch, toRow);
  return { ...sliceBatch(batch, fromRow, toRow), ...(anchor === undefined ? {} : { anchor }) };
}

/** The processing order of a feed's batches, which must be in order of stream and partition. */
export function mergeOrder(batches: readonly Batch[], inputs: readonly string[], timeMs: number): Segment[] {
  if (batches.length === 1) return [{ batch: 0, fromRow: 0, toRow: batches[0].count, timeMs, input: inputs[0] }];
  const segments: Segment[] = [];
  const rows = batches.map(() => 0);
  for (let run = nextRun(batches, rows); run !== undefined; run = nextRun(batches, rows)) {
    rows[run.batch] = run.toRow;
    segments.push({ ...run, timeMs, input: inputs[run.batch] });
  }
  return segments;
}

/** The ranges of a feed that ended after its first `records` records. */
export function cutRanges(
  feed: SealedFeed,
  records: number,
  sources: ReadonlyMap<string, Source>,
): readonly Range[] {
  const rows = feed.batches.map(() => 0);
  let left = records;
  for (const { batch, fromRow, toRow } of feed.segments) {
    const taken = Math.min(left, toRow - fromRow);
    rows[batch] += taken;
    left -= taken;
  }
  return feed.ranges.flatMap((range, i) => {
    if (rows[i] === 0) return [];
    const batch = feed.batches[i];
    return rows[i] === batch.count ? [range] : [cutRange(range, batch, rows[i], sources.get(range.input)!)];
  });
}

function cutRange(range: Range, batch: Batch, records: number, source: Source): Range {
  const { eventTimeMs: _, anchor: __, repeats, ...rest } = range;
  const to = positionAt(batch, records);
  const anchor = source.anchorAt?.(batch, records);
  const before = repeats?.filter((offset) => offset < to) ?? [];
  return {
    ...rest,
    records,
    to,
    ...eventTimeOf(batch, records - 1),
    ...(anchor === undefined ? {} : { anchor }),
    ...(before.length > 0 ? { repeats: before } : {}),
  };
}
