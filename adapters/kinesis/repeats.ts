/**
 * Leaves out what comes again: outputs of Sluice that were written twice, and those that belong to another shard, where
 * they are written as well (sink.ts).
 *
 * What is left out depends on what came before; so the marks of every position that a task may go back to are kept, until
 * it is committed.
 */

import { ABSENT, type Batch, offsetAt, withoutRows } from "../../engine/batch.ts";
import { type HashRange, Marks } from "./marks.ts";
import { NO_ORIGIN, type RowIds } from "./row_ids.ts";
import { hashKeyOf } from "./shards.ts";

/** A page that was looked at, without its payload. */
interface SeenPage {
  readonly before: Marks;
  readonly rows: Pick<Batch, "count" | "offsetWords" | "offsetWidth">;
  readonly ids: RowIds;
  /** Keys of the rows, where they matter. */
  readonly keys: readonly string[] | undefined;
  readonly next: bigint;
}

const decoder = new TextDecoder();

/** The repeats of one shard. */
export class RepeatFilter {
  readonly #range: HashRange;
  #marks = new Marks();
  #position: bigint | undefined;
  #pages: SeenPage[] = [];
  /** Where a task went on after a start. */
  #known: { readonly position: bigint; readonly marks: Marks } | undefined;

  constructor(range: HashRange) {
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
    const before = this.#marks.copy();
    const areKeysNeeded = before.isSplit || ids.isForeign.includes(1);
    const keys = areKeysNeeded ? Array.from({ length: page.count }, (_, row) => keyAt(page, row)) : undefined;
    const rows = {
      count: page.count,
      offsetWords: page.offsetWords.slice(),
      offsetWidth: page.offsetWidth,
    };
    const seen = { before, rows, ids, keys, next: page.next };
    this.#pages.push(seen);
    this.#position = page.next;
    const repeats: bigint[] = [];
    for (let row = page.count - fresh.count; row < page.count; row++) {
      if (this.#isLeftOut(this.#marks, seen, row)) repeats.push(offsetAt(page, row));
    }
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
    for (let row = 0; row < page.rows.count && offsetAt(page.rows, row) < position; row++) {
      this.#isLeftOut(marks, page, row);
    }
    return marks;
  }

  /** Nobody goes back behind `position` any more. */
  release(position: bigint): void {
    this.#known = { position, marks: this.marksAt(position) };
    this.#pages = this.#pages.filter(({ next }) => next > position);
  }

  #isLeftOut(marks: Marks, { ids, keys }: SeenPage, row: number): boolean {
    const origin = ids.origin[row];
    if (origin === NO_ORIGIN) return false;
    const key = (): string => keys![row];
    if (ids.isForeign[row] === 1 && !this.#isOwn(key())) return true;
    return marks.note(ids.origins[origin], ids.seq[row], ids.index[row], key);
  }

  #isOwn(key: string): boolean {
    const hash = hashKeyOf(key);
    return hash >= this.#range[0] && hash <= this.#range[1];
  }
}

function keyAt({ ranges, bytes }: Batch, row: number): string {
  const start = ranges[4 * row];
  return start === ABSENT ? "" : decoder.decode(bytes.subarray(start, ranges[4 * row + 1]));
}
