/**
 * Entries by their text: a hash table for keys that come out of records, each time as another copy.
 *
 * A `Map` interns what it is asked for: it looks for each copy in the table of all texts of the isolate, which is a walk
 * through memory of its own. Here a hash of some of the key's code units leads to the entry, and one comparison confirms
 * it: a third of the time for 10,000 keys in turn.
 *
 * - Keys that collide, by accident or because somebody wants them to, or that differ only in what is not hashed, make long
 *   chains; from the first one on a `Map` takes over, for good.
 * - A walk over the entries sees all that were there when it began and have not been removed since, whatever is added and
 *   removed meanwhile: a copy of a state stretches over feeds.
 */

/** What a table holds. */
export interface Keyed {
  /** The key; it stays as it is. */
  readonly rest: string;
}

/** So few are compared one by one: most groups of keys are small, and there may be millions of them. */
const LISTED_MAX = 8;
const SLOTS_FIRST = 64;
/** At each end of the key. */
const UNITS_HASHED = 16;
/** In a table that is at most half full no chain is that long by accident. */
const CHAIN_MAX = 256;
const FREE = -1;
const GONE = -2;
const NO_SLOTS = new Int32Array(0);

/** See the module. */
export class EntryTable<E extends Keyed> {
  /** In the order in which they came; those that are gone leave a hole until the table is built anew. */
  #entries: (E | undefined)[] = [];
  /** Two words per slot: the entry's place, and its hash. */
  #slots = NO_SLOTS;
  #mask = 0;
  /** How many slots are not free. */
  #used = 0;
  #map: Map<string, E> | undefined;

  /** The entry of `rest`. */
  get(rest: string): E | undefined {
    if (this.#map !== undefined) return this.#map.get(rest);
    if (this.#mask === 0) return this.#listed(rest);
    const word = this.#wordOf(rest, hashOf(rest));
    return word < 0 ? undefined : this.#entries[this.#slots[word]];
  }

  /** Adds an entry whose key has none yet. */
  add(entry: E): void {
    if (this.#map !== undefined) return void this.#map.set(entry.rest, entry);
    const place = this.#entries.push(entry) - 1;
    if (2 * this.#used >= this.#mask && place >= LISTED_MAX) this.#build();
    else if (this.#mask > 0) this.#put(hashOf(entry.rest), place);
  }

  /** Removes an entry that is there. */
  delete(entry: E): void {
    if (this.#map !== undefined) {
      this.#map.delete(entry.rest);
    } else if (this.#mask === 0) {
      this.#entries = this.#entries.filter((each) => each !== entry);
    } else {
      const word = this.#wordOf(entry.rest, hashOf(entry.rest));
      this.#entries[this.#slots[word]] = undefined;
      this.#slots[word] = GONE;
    }
  }

  /** All entries, in the order in which they came. */
  values(): IterableIterator<E> {
    return this.#map ? this.#map.values() : present(this.#entries);
  }

  #listed(rest: string): E | undefined {
    for (const entry of this.#entries) if (entry!.rest === rest) return entry;
    return undefined;
  }

  /** Where `rest` is among the slots; below 0 where it is not. What is not in its chain by then was never put there. */
  #wordOf(rest: string, hash: number): number {
    const slots = this.#slots;
    let slot = hash & this.#mask;
    for (let chain = 0; chain < CHAIN_MAX; chain++) {
      const place = slots[2 * slot];
      if (place === FREE) return -1;
      if (slots[2 * slot + 1] === hash && place >= 0 && this.#entries[place]!.rest === rest) return 2 * slot;
      slot = slot + 1 & this.#mask;
    }
    return -1;
  }

  #put(hash: number, place: number): void {
    let slot = hash & this.#mask;
    let chain = 0;
    while (this.#slots[2 * slot] !== FREE) {
      slot = slot + 1 & this.#mask;
      if (++chain === CHAIN_MAX) return this.#handOver();
    }
    this.#slots[2 * slot] = place;
    this.#slots[2 * slot + 1] = hash;
    this.#used++;
  }

  /** Walks that are under way go on over the entries as they were. */
  #build(): void {
    const entries = this.#entries.filter((entry) => entry !== undefined);
    let slots = SLOTS_FIRST;
    while (slots < 3 * entries.length) slots *= 2;
    this.#entries = entries;
    this.#slots = new Int32Array(2 * slots).fill(FREE);
    this.#mask = slots - 1;
    this.#used = 0;
    for (let place = 0; place < entries.length && this.#map === undefined; place++) {
      this.#put(hashOf(entries[place].rest), place);
    }
  }

  #handOver(): void {
    this.#map = new Map();
    for (const entry of present(this.#entries)) this.#map.set(entry.rest, entry);
    this.#entries = [];
    this.#slots = NO_SLOTS;
  }
}

function* present<E>(entries: readonly (E | undefined)[]): Generator<E> {
  for (const entry of entries) if (entry !== undefined) yield entry;
}

/** FNV-1a over code units, mixed as MurmurHash3 ends (Appleby). */
function hashOf(text: string): number {
  const { length } = text;
  const head = Math.min(length, UNITS_HASHED);
  let hash = length;
  for (let i = 0; i < head; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  for (let i = Math.max(head, length - UNITS_HASHED); i < length; i++) {
    hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193);
  }
  hash = Math.imul(hash ^ hash >>> 16, 0x85ebca6b);
  return hash ^ hash >>> 13;
}
