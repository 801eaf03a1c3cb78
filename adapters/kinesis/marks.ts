/**
 * How far the outputs of each origin have come in a shard, by which repeats are told.
 *
 * Whoever writes to a shard gives its outputs rising ids (feed, number): what is not above the last one was there before.
 * A shard that came out of a split goes on with the mark of the one before it. One that came out of a merge has a mark for
 * the hash keys of each, until a later feed shows that the earlier ones are complete everywhere.
 */

import { hashKeyOf } from "./shards.ts";

/** Both ends included. */
export type HashRange = readonly [start: bigint, end: bigint];

/** The last output that was read. */
interface Mark {
  seq: number;
  index: number;
  /** The hash keys that it stands for; all of the shard's unless given. */
  readonly range?: HashRange;
}

/** As JSON: feed, number, and the hash keys where it is not all of them. */
type MarkJson = readonly [seq: number, index: number, start?: string, end?: string];

/** Marks as JSON, by origin. */
export type MarksJson = Readonly<Record<string, readonly MarkJson[]>>;

/** Origins that are remembered; beyond them the one that was heard of longest ago is forgotten. */
const ORIGINS_MAX = 1_000;

/** The marks of one shard at one position. */
export class Marks {
  readonly #byOrigin: Map<string, Mark[]>;
  #latest: string | undefined;

  constructor(byOrigin: Map<string, Mark[]> = new Map()) {
    this.#byOrigin = byOrigin;
  }

  static fromJson(json: MarksJson): Marks {
    return new Marks(
      new Map(
        Object.entries(json).map(([origin, marks]) => [
          origin,
          marks.map(([seq, index, start, end]): Mark => {
            return start === undefined ? { seq, index } : { seq, index, range: [BigInt(start), BigInt(end!)] };
          }),
        ]),
      ),
    );
  }

  /** What a shard that came out of `parents` begins with. */
  static inherit(parents: readonly { readonly range: HashRange; readonly marks: Marks }[]): Marks {
    if (parents.length === 1) return parents[0].marks.copy();
    const byOrigin = new Map<string, Mark[]>();
    for (const origin of new Set(parents.flatMap(({ marks }) => [...marks.#byOrigin.keys()]))) {
      byOrigin.set(
        origin,
        parents.flatMap(({ range, marks }) => {
          const known = marks.#byOrigin.get(origin) ?? [{ seq: -1, index: -1 }];
          return known.flatMap((mark) => within(mark, range));
        }),
      );
    }
    return new Marks(byOrigin);
  }

  /** Whether keys matter: some origin has several marks. */
  get isSplit(): boolean {
    for (const marks of this.#byOrigin.values()) if (marks.length > 1 || marks[0]?.range) return true;
    return false;
  }

  copy(): Marks {
    return new Marks(
      new Map([...this.#byOrigin].map(([origin, marks]) => [origin, marks.map((mark) => ({ ...mark }))])),
    );
  }

  toJson(): MarksJson {
    return Object.fromEntries(
      [...this.#byOrigin].map(([origin, marks]) => [
        origin,
        marks.map(({ seq, index, range }): MarkJson =>
          range ? [seq, index, String(range[0]), String(range[1])] : [seq, index]
        ),
      ]),
    );
  }

  /** Notes an output; answers whether it was there before. `key` is asked for where it matters. */
  note(origin: string, seq: number, index: number, key: () => string): boolean {
    if (origin !== this.#latest) this.#refresh(origin);
    const marks = this.#byOrigin.get(origin)!;
    // A later feed than all of them: whatever is missing of theirs would come before it.
    if (marks.every((mark) => mark.seq < seq)) {
      this.#byOrigin.set(origin, [{ seq, index }]);
      return false;
    }
    const mark = markOf(marks, key);
    if (seq < mark.seq || (seq === mark.seq && index <= mark.index)) return true;
    [mark.seq, mark.index] = [seq, index];
    return false;
  }

  /** Puts `origin` behind the others: it is forgotten last. */
  #refresh(origin: string): void {
    const marks = this.#byOrigin.get(origin) ?? [];
    this.#byOrigin.delete(origin);
    this.#byOrigin.set(origin, marks);
    this.#latest = origin;
    if (this.#byOrigin.size > ORIGINS_MAX) this.#byOrigin.delete(this.#byOrigin.keys().next().value!);
  }
}

/** A shard that was split from one with several marks has some that are not about its keys. */
function within(mark: Mark, [start, end]: HashRange): Mark[] {
  const [from, to] = mark.range ?? [start, end];
  const range = [from > start ? from : start, to < end ? to : end] as const;
  return range[0] <= range[1] ? [{ ...mark, range }] : [];
}

/** The mark for a key; a new one where none of several stands for it. */
function markOf(marks: Mark[], key: () => string): Mark {
  if (marks.length === 1 && !marks[0].range) return marks[0];
  const hash = hashKeyOf(key());
  const known = marks.find(({ range }) => !range || (hash >= range[0] && hash <= range[1]));
  if (known) return known;
  const mark: Mark = { seq: -1, index: -1, range: [hash, hash] };
  marks.push(mark);
  return mark;
}
