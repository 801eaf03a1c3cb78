/**
 * Which keys of the state end with another value under other code.
 *
 * Both begin with the same state, so a key that only one of them changed is compared with what it was before.
 */

import { entriesOf, stateMap } from "../state_map.ts";
import type { StateEntries } from "../../engine/state.ts";
import type { TaskJournal } from "../journal/journal.ts";

type Changes = Map<string, string | undefined>;

/** Follows both, feed after feed. */
export class KeyDifferences {
  readonly #taskJournal: TaskJournal;
  readonly #different = new Set<string>();
  #recorded: Changes = new Map();
  #tried: Changes = new Map();
  /** The first feed of those that followed each other, and the one behind the last. */
  #first = -1;
  #next = -1;

  constructor(taskJournal: TaskJournal) {
    this.#taskJournal = taskJournal;
  }

  /** Notes what the other code changed in feed `seq`. */
  note(seq: number, changes: StateEntries): void {
    if (seq !== this.#next) {
      this.#compare();
      this.#first = seq;
    }
    this.#next = seq + 1;
    noteEntries(this.#recorded, this.#taskJournal.changes(seq).state);
    noteEntries(this.#tried, changes);
  }

  /** How many keys ended differently. */
  finish(): number {
    this.#compare();
    return this.#different.size;
  }

  #compare(): void {
    const keys = new Set([...this.#recorded.keys(), ...this.#tried.keys()]);
    const isKnown = (key: string) => this.#recorded.has(key) && this.#tried.has(key);
    const before = [...keys].every(isKnown) ? new Map() : stateMap(this.#taskJournal.stateBefore(this.#first)).state;
    const valueIn = (changes: Changes, key: string) => changes.has(key) ? changes.get(key) : before.get(key);
    for (const key of keys) {
      if (valueIn(this.#recorded, key) !== valueIn(this.#tried, key)) this.#different.add(key);
    }
    this.#recorded = new Map();
    this.#tried = new Map();
  }
}

function noteEntries(changes: Changes, entries: StateEntries): void {
  for (const [key, json] of entriesOf(entries)) changes.set(key, json);
}
