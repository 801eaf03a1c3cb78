/** Typed-array columns that grow: what the engine writes per output and per record without making objects. */

const CAPACITY_FIRST = 1024;
/** What is replaced before long is not taken for a constant, in code that V8 would then have to drop. */
const NO_WORDS = new Int32Array(0);
const NO_NUMBERS = new Float64Array(0);

/** A growing column of 32-bit integers. */
export class IntColumn {
  #words = NO_WORDS;
  length = 0;

  push(value: number): void {
    if (this.length === this.#words.length) this.#grow();
    this.#words[this.length++] = value;
  }

  /** The value at `index`, also one that lies behind `length` and has not been overwritten yet. */
  at(index: number): number {
    return this.#words[index];
  }

  /** A copy of what was pushed. */
  toArray(): Int32Array<ArrayBuffer> {
    return this.#words.slice(0, this.length);
  }

  #grow(): void {
    const words = new Int32Array(Math.max(CAPACITY_FIRST, this.#words.length * 2));
    words.set(this.#words);
    this.#words = words;
  }
}

/** A growing column of 64-bit floating point numbers. */
export class FloatColumn {
  #numbers = NO_NUMBERS;
  length = 0;

  push(value: number): void {
    if (this.length === this.#numbers.length) this.#grow();
    this.#numbers[this.length++] = value;
  }

  /** A copy of what was pushed. */
  toArray(): Float64Array<ArrayBuffer> {
    return this.#numbers.slice(0, this.length);
  }

  #grow(): void {
    const numbers = new Float64Array(Math.max(CAPACITY_FIRST, this.#numbers.length * 2));
    numbers.set(this.#numbers);
    this.#numbers = numbers;
  }
}
