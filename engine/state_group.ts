/**
 * The entries of a state whose keys begin with the same `name|`; those whose keys hold no `|` are a group without a name.
 *
 * A group is found by its name, an entry by the rest of its key: what goes on within a group costs no look at the others,
 * and no concatenation of a key.
 */

import { EntryTable } from "./entry_table.ts";
import type { Owner } from "./owner.ts";
import { ownText, type Stored } from "./stored_value.ts";

/** Ends the name of a group within a key. */
export const GROUP_END = "|";

/** A key and its value. */
export interface Entry {
  readonly group: EntryGroup;
  /** The key within the group. */
  readonly rest: string;
  stored: Stored;
  owner: Owner;
  /** Which of the feed's changes it is; below 0 where it has not changed. */
  change: number;
}

/** See the module. */
export class EntryGroup {
  /** What its keys begin with: the name and `|`, or nothing. */
  readonly prefix: string;
  readonly entries = new EntryTable<Entry>();
  /** How many entries have a value. */
  present = 0;

  constructor(prefix: string) {
    this.prefix = prefix;
  }

  add(rest: string): Entry {
    const entry: Entry = { group: this, rest: ownText(rest), stored: undefined, owner: undefined, change: -1 };
    this.entries.add(entry);
    return entry;
  }

  /** What comes after the prefix in the keys that have a value, in no order. */
  rests(): string[] {
    const rests: string[] = [];
    for (const { rest, stored } of this.entries.values()) if (stored !== undefined) rests.push(rest);
    return rests;
  }
}
