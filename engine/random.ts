/**
 * Chance. Every record has generators of its own, seeded from (run seed, stream, partition, offset, name): draws do not
 * depend on the split into feeds, on other records or on retries (I6), and ids drawn from them are stable.
 *
 * The generator is sfc32 (Chris Doty-Humphrey, PractRand). It is not secret: never make keys or passwords with it.
 */

/** A generator of 32-bit words. */
export class Random {
  #a = 0;
  #b = 0;
  #c = 0;
  #d = 0;

  /** Seeds the generator with four words; equal words give equal sequences. */
  seed(a: number, b: number, c: number, d: number): void {
    for (let round = 0; round < 4; round++) {
      a = Math.imul(a ^ b >>> 15, 0x2c1b3c6d) + c | 0;
      b = Math.imul(b ^ c >>> 12, 0x297a2d39) + d | 0;
      c = Math.imul(c ^ d >>> 15, 0x85ebca6b) + a | 0;
      d = Math.imul(d ^ a >>> 13, 0xc2b2ae35) + b | 0;
    }
    this.#a = a;
    this.#b = b;
    this.#c = c;
    this.#d = d;
    for (let warmUp = 0; warmUp < 4; warmUp++) this.nextWord();
  }

  /** The next 32 bits. */
  nextWord(): number {
    const sum = this.#a + this.#b + this.#d | 0;
    this.#d = this.#d + 1 | 0;
    this.#a = this.#b ^ this.#b >>> 9;
    this.#b = this.#c + (this.#c << 3) | 0;
    this.#c = (this.#c << 21 | this.#c >>> 11) + sum | 0;
    return sum >>> 0;
  }

  /** A number in `[0, 1)` with 53 random bits. */
  nextNumber(): number {
    return ((this.nextWord() >>> 5) * 0x4000000 + (this.nextWord() >>> 6)) / 0x20000000000000;
  }

  /** A version 4 UUID (RFC 9562). */
  nextUuid(): string {
    const words = [this.nextWord(), this.nextWord(), this.nextWord(), this.nextWord()];
    words[1] = words[1] & 0xffff0fff | 0x4000;
    words[2] = words[2] & 0x3fffffff | 0x80000000;
    const hex = words.map((word) => (word >>> 0).toString(16).padStart(8, "0")).join("");
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
  }
}

const GENERATORS_MAX = 64;

/** A 32-bit hash of text (FNV-1a over UTF-16 code units), to key generators by name. */
export function hashText(text: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  return hash | 0;
}

/** The generators of the record under way, one per name, each seeded at its first draw. */
export class RecordRandom {
  readonly #seed: number;
  readonly #generators = new Map<string, { readonly random: Random; unit: number }>();
  #unit = 0;
  #origin = 0;
  #low = 0;
  #high = 0;

  constructor(seed: number) {
    this.#seed = seed | 0;
  }

  /** Moves on to the record (or timer) that `origin`, `low` and `high` identify. */
  rekey(origin: number, low: number, high: number): void {
    this.#unit++;
    this.#origin = origin;
    this.#low = low;
    this.#high = high;
  }

  /** The generator `name` of the record under way. */
  named(name: string): Random {
    let entry = this.#generators.get(name);
    if (!entry) {
      // Names may be made from data; forgetting all costs a reseed and changes no sequence.
      if (this.#generators.size >= GENERATORS_MAX && this.#isFresh()) this.#generators.clear();
      entry = { random: new Random(), unit: -1 };
      this.#generators.set(name, entry);
    }
    if (entry.unit !== this.#unit) {
      entry.unit = this.#unit;
      entry.random.seed(this.#seed ^ hashText(name), this.#origin, this.#low, this.#high);
    }
    return entry.random;
  }

  /** Whether no generator has drawn for the record under way. */
  #isFresh(): boolean {
    for (const { unit } of this.#generators.values()) if (unit === this.#unit) return false;
    return true;
  }
}
