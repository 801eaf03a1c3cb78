/** The chance of a simulated world: everything in it that could go one way or another asks here. */

import { Random } from "../../../engine/random.ts";

/** See the module. */
export class Chance {
  readonly #random = new Random();

  constructor(seed: number) {
    this.#random.seed(seed, 0x51a1ce, seed >>> 16, ~seed);
  }

  /** In `[0, 1)`. */
  number(): number {
    return this.#random.nextNumber();
  }

  /** An integer in `[from, to)`. */
  integer(from: number, to: number): number {
    return from + Math.floor(this.number() * (to - from));
  }

  /** Whether something happens that happens with `probability`. */
  happens(probability: number): boolean {
    return this.number() < probability;
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.integer(0, items.length)];
  }

  /** Mostly near `from`, seldom near `to`. */
  skewed(from: number, to: number): number {
    return from * (to / from) ** (this.number() ** 3);
  }

  uuid(): string {
    return this.#random.nextUuid();
  }

  fill(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; at++) bytes[at] = this.#random.nextWord();
  }
}
