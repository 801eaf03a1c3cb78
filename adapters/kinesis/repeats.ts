/**
 * Leaves out what comes again: outputs of Sluice that were written twice, and those that belong to another shard, where
 * they are written as well (sink.ts).
 *
 * What is left out depends on what came before; so the marks of every position that a task may go back to are kept, until
 * it is committed.
 */

import { ABSENT, type Batch, offsetAt, withoutRows } from "../../engine/batch.ts";
import { type HashRange, type MarkedLane, Marks } from "./marks.ts";
import { NO_ORIGIN, type RowIds } from "./row_ids.ts";
import { hashKeyOf } from "./shards.ts";

/** A page that was looked at, without its payload. */
interface SeenPage {
  readonly before: Marks;
  readonly rows: Pick<Batch, "count" | "offsetWords" | "offsetWidth">;
  readonly ids: RowIds;
  readonly keys: Keys;
  readonly next: bigint;
}

/** The repeats of one shard. */
export class RepeatFilter {
  readonly #range: () => HashRange;
  #marks = new Marks();
  #position: bigint | undefined;
  #pages: SeenPage[] = [];
  /** Where a task went on after a start. */
  #known: { readonly position: bigint; readonly marks: Marks } | undefined;

  /** @param range the shard's hash keys; asked for when something was read */
  constructor(range: () => HashRange) {
    this.#range = range;
  }

  /** Notes the marks that the journal has for a position. */
  know(position: bigint, marks: Marks): void {
    this.#known = { position, marks };
  }

  /** Goes on from `position`. */
  seek(position: bigint): void {
    this.#marks = this.marksAt(position);
    this.#pages = this.#pages.filter(({ next }) => next <= position);
    this.#position = position;
  }

  /** `fresh` are the last rows of `page`, which follows the last one; those that are left out are named. */
  filter(page: Batch, fresh: Batch, ids: RowIds): Batch {
    const { count, offsetWidth } = page;
    const seen: SeenPage = {
      before: this.#marks.copy(),
      rows: { count, offsetWords: page.offsetWords.slice(), offsetWidth },
      ids,
      keys: new Keys(page),
      next: page.next,
    };
    this.#pages.push(seen);
    this.#position = page.next;
    const walk = new PageWalk(seen, this.#marks, this.#range());
    const repeats: bigint[] = [];
    for (let row = count - fresh.count; row < count; row++) if (walk.isLeftOut(row)) repeats.push(offsetAt(page, row));
    if (repeats.length === 0) return fresh;
    return { ...withoutRows(fresh, new Set(repeats)), repeats };
  }

  /** The marks at a position that may be gone back to. */
  marksAt(position: bigint): Marks {
    if (position === this.#position) return this.#marks.copy();
    const page = this.#pages.find(({ rows, next }) =>
      position <= next && rows.count > 0 && offsetAt(rows, 0) <= position
    );
    if (!page) return this.#known?.position === position ? this.#known.marks.copy() : new Marks();
    const marks = page.before.copy();
    const walk = new PageWalk(page, marks, this.#range());
    for (let row = 0; row < page.rows.count && offsetAt(page.rows, row) < position; row++) walk.isLeftOut(row);
    return marks;
  }

  /** Nobody goes back behind `position` any more. */
  release(position: bigint): void {
    this.#known = { position, marks: this.marksAt(position) };
    this.#pages = this.#pages.filter(({ next }) => next > position);
  }
}

/** Goes through the rows of a page in order. */
class PageWalk {
  readonly #page: SeenPage;
  readonly #marks: Marks;
  readonly #own: HashRange;
  #origin = NO_ORIGIN;
  #range = -1;
  #lane: MarkedLane | undefined;
  #isForeign = false;

  constructor(page: SeenPage, marks: Marks, own: HashRange) {
    this.#page = page;
    this.#marks = marks;
    this.#own = own;
  }

  /** Whether `row` was there before, or belongs to another shard. */
  isLeftOut(row: number): boolean {
    const { ids, keys } = this.#page;
    const origin = ids.origin[row];
    if (origin === NO_ORIGIN) return false;
    if (origin !== this.#origin || ids.range[row] !== this.#range) this.#enter(origin, ids.range[row]);
    if (this.#isForeign && !isWithin(hashKeyOf(keys.at(row)), this.#own)) return true;
    return this.#lane!.note(ids.seq[row], ids.index[row], () => keys.at(row));
  }

  #enter(origin: number, range: number): void {
    const { origins, ranges } = this.#page.ids;
    const [start, end] = ranges[range];
    this.#lane = this.#marks.lane(origins[origin], ranges[range]);
    this.#isForeign = !isWithin(start, this.#own) || !isWithin(end, this.#own);
    this.#origin = origin;
    this.#range = range;
  }
}

function isWithin(hash: bigint, [start, end]: HashRange): boolean {
  return hash >= start && hash <= end;
}

/** The keys of a page's rows, without its payload. */
class Keys {
  readonly #bytes: Uint8Array;
  readonly #ends: Uint32Array;

  constructor({ count, ranges, bytes }: Batch) {
    this.#ends = new Uint32Array(count);
    let length = 0;
    for (let row = 0; row < count; row++) {
      if (ranges[4 * row] !== ABSENT) length += ranges[4 * row + 1] - ranges[4 * row];
      this.#ends[row] = length;
    }
    this.#bytes = new Uint8Array(length);
    for (let row = 0; row < count; row++) {
      if (ranges[4 * row] !== ABSENT) {
        this.#bytes.set(bytes.subarray(ranges[4 * row], ranges[4 * row + 1]), this.#start(row));
      }
    }
  }

  at(row: number): string {
    return decoder.decode(this.#bytes.subarray(this.#start(row), this.#ends[row]));
  }

  #start(row: number): number {
    return row === 0 ? 0 : this.#ends[row - 1];
  }
}

const decoder = new TextDecoder();
