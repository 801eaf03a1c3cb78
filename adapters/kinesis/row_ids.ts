/** The ids of a page's records, in columns: whose output each is, and which; see outputs.ts for how they are written. */

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
  /** 1 where the record was made for other hash keys than the shard's, so that its key has to be looked at. */
  readonly isForeign: Uint8Array;
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
  readonly #isForeign: number[] = [];
  #lastBytes = new Uint8Array(0);
  #lastOrigin = NO_ORIGIN;

  /** Adds a row without an id. */
  addNone(): void {
    this.#push(NO_ORIGIN, 0, 0, 0);
  }

  /** Adds a row with `id`, as `outputs.ts` writes it. */
  add(id: Uint8Array, isForeign: boolean): void {
    const firstPoint = id.indexOf(POINT);
    const secondPoint = id.indexOf(POINT, firstPoint + 1);
    const seq = digits(id, 0, firstPoint);
    const index = digits(id, firstPoint + 1, secondPoint);
    if (seq === undefined || index === undefined) return this.addNone();
    this.#push(this.#originOf(id.subarray(secondPoint + 1)), seq, index, Number(isForeign));
  }

  /** The columns. */
  finish(): RowIds {
    return {
      origins: this.#origins,
      origin: Int32Array.from(this.#origin),
      seq: Float64Array.from(this.#seq),
      index: Int32Array.from(this.#index),
      isForeign: Uint8Array.from(this.#isForeign),
    };
  }

  #push(origin: number, seq: number, index: number, isForeign: number): void {
    this.#origin.push(origin);
    this.#seq.push(seq);
    this.#index.push(index);
    this.#isForeign.push(isForeign);
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
