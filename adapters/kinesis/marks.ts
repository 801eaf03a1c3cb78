/**
 * How far the outputs of each origin have come in a shard, by which repeats are told.
 *
 * Whoever writes gives its outputs rising ids (feed, number), and writes those for one range of hash keys in their order. So
 * for every range the last id stands for all before it: what is not above it was there already. Ranges are those that the
 * writer had in mind, which were a shard's then; shards that are split and merged meanwhile take them over in pieces.
 */

import { hashKeyOf } from "./shards.ts";

/** Hash keys, both ends included. */
export type HashRange = readonly [start: bigint, end: bigint];

/** The last output of an origin in a range. */
interface Span {
  readonly start: bigint;
  readonly end: bigint;
  seq: number;
  index: number;
}

/** As JSON: feed, number, first and last hash key in hexadecimal digits. */
type SpanJson = readonly [seq: number, index: number, start: string, end: string];

/** Marks as JSON, by origin. */
export type MarksJson = Readonly<Record<string, readonly SpanJson[]>>;

/** Origins that are remembered; beyond them the one that was heard of longest ago is forgotten. */
const ORIGINS_MAX = 1_000;

/** The marks of one shard at one position. */
export class Marks {
  /** Spans in order, none over another. */
  readonly #byOrigin: Map<string, readonly Span[]>;

  constructor(byOrigin: Map<string, readonly Span[]> = new Map()) {
    this.#byOrigin = byOrigin;
  }

  static fromJson(json: MarksJson): Marks {
    return new Marks(
      new Map(
        Object.entries(json).map(([origin, spans]) => [
          origin,
          spans.map(([seq, index, start, end]) => ({
            seq,
            index,
            start: BigInt("0x" + start),
            end: BigInt("0x" + end),
          })),
        ]),
      ),
    );
  }

  /** What a shard with the hash keys `range` begins with, when it came out of `parents`. */
  static inherit(parents: readonly { readonly range: HashRange; readonly marks: Marks }[], range: HashRange): Marks {
    const byOrigin = new Map<string, readonly Span[]>();
    const ordered = parents.toSorted((a, b) => a.range[0] < b.range[0] ? -1 : 1);
    for (const origin of new Set(parents.flatMap(({ marks }) => [...marks.#byOrigin.keys()]))) {
      const spans = ordered.flatMap(({ range: own, marks }) => {
        return within(marks.#byOrigin.get(origin) ?? [], overlap(own, range));
      });
      byOrigin.set(origin, spans);
    }
    return new Marks(byOrigin).copy();
  }

  copy(): Marks {
    return new Marks(new Map([...this.#byOrigin].map(([origin, spans]) => [origin, tidy(spans)])));
  }

  toJson(): MarksJson {
    return Object.fromEntries(
      [...this.#byOrigin].map(([origin, spans]) => [
        origin,
        tidy(spans).map(({ seq, index, start, end }): SpanJson => [seq, index, start.toString(16), end.toString(16)]),
      ]),
    );
  }

  /** The outputs of `origin` that were written for `range`. What was asked for before is not to be used any more. */
  lane(origin: string, range: HashRange): MarkedLane {
    const spans = this.#byOrigin.get(origin) ?? [];
    const [start, end] = range;
    const inside = filled(within(spans, range), range);
    const before = within(spans, [0n, start - 1n]);
    const behind = within(spans, [end + 1n, HASH_KEY_MAX]);
    // Put behind the others, it is forgotten last.
    this.#byOrigin.delete(origin);
    this.#byOrigin.set(origin, [...before, ...inside, ...behind]);
    if (this.#byOrigin.size > ORIGINS_MAX) this.#byOrigin.delete(this.#byOrigin.keys().next().value!);
    return new MarkedLane(inside);
  }
}

const HASH_KEY_MAX = 2n ** 128n - 1n;

/** What came of one origin for one range. */
export class MarkedLane {
  readonly #spans: readonly Span[];
  #isEven: boolean;

  constructor(spans: readonly Span[]) {
    this.#spans = spans;
    this.#isEven = isEven(spans);
  }

  /** Notes an output; answers whether it was there before. `key` is asked for only where spans differ. */
  note(seq: number, index: number, key: () => string): boolean {
    const span = this.#isEven ? this.#spans[0] : this.#spanOf(key());
    if (!isAbove(seq, index, span)) return true;
    for (const each of this.#spans) if (isAbove(seq, index, each)) [each.seq, each.index] = [seq, index];
    if (!this.#isEven) this.#isEven = isEven(this.#spans);
    return false;
  }

  #spanOf(key: string): Span {
    const hash = hashKeyOf(key);
    return this.#spans.find(({ start, end }) => hash >= start && hash <= end) ?? this.#spans[0];
  }
}

function isAbove(seq: number, index: number, span: Span): boolean {
  return seq > span.seq || (seq === span.seq && index > span.index);
}

function isEven(spans: readonly Span[]): boolean {
  return spans.every(({ seq, index }) => seq === spans[0].seq && index === spans[0].index);
}

function overlap([start, end]: HashRange, [from, to]: HashRange): HashRange {
  return [start > from ? start : from, end < to ? end : to];
}

/** The parts of `spans` that are in `range`. */
function within(spans: readonly Span[], range: HashRange): readonly Span[] {
  return spans.flatMap((span) => {
    const [start, end] = overlap([span.start, span.end], range);
    return start <= end ? [{ ...span, start, end }] : [];
  });
}

/** `spans`, with what nothing came of yet between them, so that they are `range` together. */
function filled(spans: readonly Span[], [start, end]: HashRange): readonly Span[] {
  const all: Span[] = [];
  let at = start;
  for (const span of spans) {
    if (span.start > at) all.push({ seq: -1, index: -1, start: at, end: span.start - 1n });
    all.push(span);
    at = span.end + 1n;
  }
  if (at <= end) all.push({ seq: -1, index: -1, start: at, end });
  return all;
}

/** Copies of `spans`, those that are alike and beside each other as one. */
function tidy(spans: readonly Span[]): readonly Span[] {
  const all: Span[] = [];
  for (const span of spans) {
    const last = all.at(-1);
    if (span.seq < 0) continue;
    if (last && last.end + 1n === span.start && last.seq === span.seq && last.index === span.index) {
      all[all.length - 1] = { ...last, end: span.end };
    } else all.push({ ...span });
  }
  return all;
}
