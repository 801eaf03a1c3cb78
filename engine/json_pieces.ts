/**
 * The values of a batch, parsed a piece at a time: half the time of parsing each by itself.
 *
 * Each piece comes as the text of an array. Where that is not one, or has not one element per row, a record of it is
 * broken: then its rows are decoded one by one, which tells which (`controller/sandbox/json_array.ts` says why that is
 * all it takes).
 */

/** Which rows are in which piece. */
export interface PieceRows {
  readonly count: number;
  /** There are `2 ** rowBits` rows in each piece. */
  readonly rowBits: number;
}

const NO_VALUES: readonly unknown[] = [];

/** See the module. */
export class JsonPieces {
  readonly #texts: readonly string[];
  readonly #count: number;
  readonly #rowBits: number;
  readonly #rowMask: number;
  #piece = -1;
  #values = NO_VALUES;

  /** @param texts an array per piece; "" where its values are not to be read as one */
  constructor(texts: readonly string[], { count, rowBits }: PieceRows) {
    this.#texts = texts;
    this.#count = count;
    this.#rowBits = rowBits;
    this.#rowMask = (1 << rowBits) - 1;
  }

  /** Parses the piece of `row`, unless it was the last; whether it has values. */
  turnTo(row: number): boolean {
    const piece = row >> this.#rowBits;
    if (piece !== this.#piece) this.#parse(piece);
    return this.#values.length > 0;
  }

  /** The value of a row that was turned to; who is given it may change it, since no row is decoded twice. */
  valueAt(row: number): unknown {
    return this.#values[row & this.#rowMask];
  }

  #parse(piece: number): void {
    const rows = Math.min(this.#count - (piece << this.#rowBits), 1 << this.#rowBits);
    this.#piece = piece;
    this.#values = NO_VALUES;
    try {
      const values: unknown = this.#texts[piece] && JSON.parse(this.#texts[piece]);
      if (Array.isArray(values) && values.length === rows) this.#values = values;
    } catch {
      // Which record it is shows when they are decoded one by one.
    }
  }
}
