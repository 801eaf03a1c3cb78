/**
 * Digests of a feed, unit by unit: where a record came from, its bytes, its outputs, and its trace.
 *
 * They are computed by the controller, over packed bytes, while the sandbox is at the next feed. What a feed's split decides (row numbers, sequence numbers)
 * is not part of them, so the chain after n records is the same for every split (I6).
 */

import { ABSENT, type Batch } from "../engine/batch.ts";
import { Digest } from "../engine/digest.ts";
import type { Feed } from "../engine/feed.ts";
import type { HeaderColumns } from "../engine/headers.ts";
import type { PackedOutputs } from "../engine/output.ts";
import type { UnitColumns } from "../engine/report.ts";
import type { StateEntries } from "../engine/state.ts";
import { originHash } from "../engine/text_batch.ts";
import type { TraceColumns } from "../engine/trace.ts";
import { TraceCursor } from "./trace_cursor.ts";

/** The digests of one feed. */
export interface FeedDigests {
  readonly unitDigests: Uint32Array<ArrayBuffer>;
  readonly inputDigest: Uint8Array<ArrayBuffer>;
}

/** What the units of a feed did. */
export interface UnitsDid {
  readonly units: UnitColumns;
  readonly outputs: PackedOutputs;
  readonly trace: TraceColumns;
  readonly changes: StateEntries;
}

/** Extends `chain` by what the units of `feed` did. */
export function digestFeed(feed: Feed, did: UnitsDid, chain: Digest): FeedDigests {
  const unitDigests = new Uint32Array(did.units.records.length);
  const input = new Digest();
  digestUnits(feed, did, { chain, input, unitDigests });
  return { unitDigests, inputDigest: input.toBytes() };
}

interface Digests {
  readonly chain: Digest;
  readonly input: Digest;
  readonly unitDigests: Uint32Array;
}

/** Nothing may follow the loop: V8 throws optimized code away at what does, and optimizes anew, for every feed. */
function digestUnits(
  feed: Feed,
  { units, outputs, trace, changes }: UnitsDid,
  { chain, input, unitDigests }: Digests,
): void {
  const inputs = new InputCursor(feed);
  const emitted = new OutputCursor(outputs);
  const traced = new TraceCursor(trace, changes);
  const digest = new Digest();
  const { length } = unitDigests;
  for (let unit = 0; unit < length; unit++) {
    digest.reset();
    if (units.records[unit] >= 0) {
      inputs.absorbNext(digest);
      input.updateDigest(digest);
    }
    emitted.absorbUpTo(units.outputEnds[unit], digest);
    traced.absorbUpTo(units.traceEnds[unit], digest);
    chain.updateDigest(digest);
    unitDigests[unit] = digest.h1;
  }
}

/** Walks the records of a feed in processing order. */
class InputCursor {
  readonly #feed: Feed;
  #segment = -1;
  #row = 0;
  #toRow = 0;
  #batch!: Batch;
  #view!: DataView;
  #origin = 0;

  constructor(feed: Feed) {
    this.#feed = feed;
  }

  absorbNext(digest: Digest): void {
    while (this.#row >= this.#toRow) this.#enter(++this.#segment);
    const { offsetWords, offsetWidth, ranges } = this.#batch;
    const row = this.#row++;
    const first = row * offsetWidth;
    for (let word = 0; word < offsetWidth; word += 2) {
      digest.updateWords(this.#origin, offsetWords[first + word], offsetWords[first + word + 1] ?? 0, word);
    }
    const range = 4 * row;
    if (ranges[range] !== ABSENT) digest.update(this.#view, ranges[range], ranges[range + 1]);
    if (ranges[range + 2] !== ABSENT) digest.update(this.#view, ranges[range + 2], ranges[range + 3]);
    if (this.#batch.headers) absorbHeaders(this.#batch.headers, row, digest);
  }

  #enter(segment: number): void {
    const { batch, fromRow, toRow } = this.#feed.segments[segment];
    this.#batch = this.#feed.batches[batch];
    this.#view = viewOf(this.#batch.bytes);
    this.#origin = originHash(this.#batch);
    this.#row = fromRow;
    this.#toRow = toRow;
  }
}

function absorbHeaders({ bytes, starts, ranges }: HeaderColumns, row: number, digest: Digest): void {
  const view = viewOf(bytes);
  for (let range = 4 * starts[row]; range < 4 * starts[row + 1]; range += 2) {
    if (ranges[range] === ABSENT) digest.updateWords(-1, 0, 0, 0);
    else digest.update(view, ranges[range], ranges[range + 1]);
  }
}

/** Walks the outputs of a feed. */
class OutputCursor {
  readonly #outputs: PackedOutputs;
  readonly #values: DataView;
  readonly #keys: DataView;
  readonly #extras: ExtraCursor | undefined;
  #output = 0;
  #valueAt = 0;
  #keyAt = 0;

  constructor(outputs: PackedOutputs) {
    this.#outputs = outputs;
    this.#extras = outputs.extras && new ExtraCursor(outputs.extras);
    this.#values = viewOf(outputs.values);
    this.#keys = viewOf(outputs.keys);
  }

  absorbUpTo(end: number, digest: Digest): void {
    const { valueLengths, keyLengths, names, timesMs } = this.#outputs;
    for (; this.#output < end; this.#output++) {
      const valueLength = valueLengths[this.#output];
      const keyLength = keyLengths[this.#output];
      const timeMs = timesMs[this.#output];
      digest.updateWords(names[this.#output], keyLength, timeMs | 0, Math.floor(timeMs / 0x100000000));
      if (keyLength > 0) digest.update(this.#keys, this.#keyAt, this.#keyAt += keyLength);
      if (valueLength < 0) digest.updateWords(valueLength, 0, 0, 0);
      else digest.update(this.#values, this.#valueAt, this.#valueAt + valueLength);
      this.#valueAt += Math.max(0, valueLength) + 1;
      if (this.#extras) this.#extras.absorb(this.#output, digest);
    }
  }
}

/** Walks the headers and partitions of the outputs that have any. */
class ExtraCursor {
  readonly #extras: NonNullable<PackedOutputs["extras"]>;
  readonly #headers: DataView;
  #row = 0;
  #at = 0;

  constructor(extras: NonNullable<PackedOutputs["extras"]>) {
    this.#extras = extras;
    this.#headers = viewOf(extras.headers);
  }

  absorb(output: number, digest: Digest): void {
    const { rows, partitions, headerLengths } = this.#extras;
    if (rows[this.#row] !== output) return;
    const length = headerLengths[this.#row];
    digest.updateWords(partitions[this.#row++], length, 0, 0);
    if (length > 0) digest.update(this.#headers, this.#at, this.#at += length);
  }
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
