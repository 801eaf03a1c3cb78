/** The ids of a page's records, in columns: whose output each is, and which; see outputs.ts for how they are written. */

import type { HashRange } from "./marks.ts";
import { hashKeyOf } from "./shards.ts";

/** Marks a record without an id. */
export const NO_ORIGIN = -1;

/** The ids of rows. */
export interface RowIds {
  /** Whose outputs: what `origin` counts. */
  readonly origins: readonly string[];
  /** Per row, the index of its origin, or {@linkcode NO_ORIGIN}. */
  readonly origin: Int32Array;
  /** The feed. */
  readonly seq: Float64Array;
  /** The number within the feed. */
  readonly index: Int32Array;
  /** The hash keys that records were written for: what `range` counts. */
  readonly ranges: readonly HashRange[];
  /** Per row, the index of its range; meaningless without an origin. */
  readonly range: Int32Array;
}

const POINT = 0x2e;
const ZERO = 0x30;
const decoder = new TextDecoder();

/** Collects ids row by row. */
export class RowIdsBuilder {
  readonly #origins: string[] = [];
  readonly #known = new Map<string, number>();
  readonly #origin: number[] = [];
  readonly #seq: number[] = [];
  readonly #index: number[] = [];
  readonly #ranges: HashRange[] = [];
  readonly #range: number[] = [];
  #lastBytes = new Uint8Array(0);
  #lastOrigin = NO_ORIGIN;
  #current: HashRange | undefined;

  /** Adds a row without an id. */
  addNone(): void {
    this.#push(NO_ORIGIN, 0, 0);
  }

  /** The rows that follow were written for these hash keys; undefined when that is not known. */
  begin(hashKeys: HashRange | undefined): void {
    this.#current = hashKeys;
    const last = this.#ranges.at(-1);
    const isLast = last !== undefined && hashKeys !== undefined && last[0] === hashKeys[0] && last[1] === hashKeys[1];
    if (hashKeys && !isLast) this.#ranges.push(hashKeys);
  }

  /** Adds a row with `id`, as `outputs.ts` writes it. */
  add(id: Uint8Array, key: Uint8Array): void {
    const firstPoint = id.indexOf(POINT);
    const secondPoint = id.indexOf(POINT, firstPoint + 1);
    const seq = digits(id, 0, firstPoint);
    const index = digits(id, firstPoint + 1, secondPoint);
    if (seq === undefined || index === undefined) return this.addNone();
    if (!this.#current) this.#ranges.push(pointOf(key));
    this.#push(this.#originOf(id.subarray(secondPoint + 1)), seq, index);
  }

  /** The columns. */
  finish(): RowIds {
    return {
      origins: this.#origins,
      origin: Int32Array.from(this.#origin),
      seq: Float64Array.from(this.#seq),
      index: Int32Array.from(this.#index),
      ranges: this.#ranges,
      range: Int32Array.from(this.#range),
    };
  }

  #push(origin: number, seq: number, index: number): void {
    this.#origin.push(origin);
    this.#seq.push(seq);
    this.#index.push(index);
    this.#range.push(this.#ranges.length - 1);
  }

  /** Records of one origin come one after the other. */
  #originOf(bytes: Uint8Array): number {
    if (isEqual(bytes, this.#lastBytes) && this.#lastOrigin !== NO_ORIGIN) return this.#lastOrigin;
    const name = decoder.decode(bytes);
    let origin = this.#known.get(name);
    if (origin === undefined) {
      origin = this.#origins.push(name) - 1;
      this.#known.set(name, origin);
    }
    this.#lastBytes = bytes.slice();
    return this.#lastOrigin = origin;
  }
}

/** A writer that did not know the shards wrote for the key alone. */
function pointOf(key: Uint8Array): HashRange {
  const hash = hashKeyOf(decoder.decode(key));
  return [hash, hash];
}

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** The number that the digits `[start, end)` make; undefined where there are none, or others. */
function digits(bytes: Uint8Array, start: number, end: number): number | undefined {
  if (end <= start) return undefined;
  let number = 0;
  for (let i = start; i < end; i++) {
    const digit = bytes[i] - ZERO;
    if (digit < 0 || digit > 9) return undefined;
    number = 10 * number + digit;
  }
  return number;
}
