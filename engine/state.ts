/**
 * Keyed state of a task: string keys to JSON values, journaled as changes, copied out in chunks.
 *
 * - A value is its JSON text from the moment it is set; what `get` returns is a fresh copy. So mutating it changes
 *   nothing, and a restored task sees exactly what the live one saw.
 * - Iteration is in key order by UTF-16 code unit (I7), never in order of insertion, which a restore would change.
 * - The changes of a failed record are rolled back; the keys changed by a feed are known without looking at all keys.
 */

import { GroupView } from "./group_view.ts";
import { describe } from "./json_value.ts";
import type { Owner } from "./owner.ts";
import { type Entry, EntryGroup, GROUP_END } from "./state_group.ts";
import { entryText, jsonOfStored, parseEntry, type Stored, storedOf, unstored } from "./stored_value.ts";
import { TRACE, type Trace } from "./trace.ts";

/** Undo entries that stay allocated between records. */
const UNDO_KEPT_MAX = 1000;

/** Changes are joined in pieces of this length. */
const PIECE_UNITS = 1 << 14;

const NO_KEYS: readonly string[] = [];

/** Changed or copied entries: keys and JSON texts (see owner.ts) joined, with their lengths in UTF-16 code units. */
export interface StateEntries {
  readonly text: string;
  /** Two per entry: key length, JSON length; a JSON length of -1 says that the key is gone. */
  readonly lengths: Int32Array<ArrayBuffer>;
}

/** Which part of a copy: the first, or what follows the last one. */
export interface CopyPart {
  readonly entriesMax: number;
  readonly isFirst: boolean;
}

/** Values by key. */
export interface StateValues {
  /** The value of `key`, or `undefined`. A fresh copy: change it and `set` it to keep the change. */
  get<T>(key: string): T | undefined;
  /** Whether the key has a value. */
  has(key: string): boolean;
  /**
   * Sets the value of `key`, which must be JSON.
   *
   * @throws {TypeError} when JSON cannot carry the value unchanged
   */
  set(key: string, value: unknown): void;
  /** Whether there was a value to delete. */
  delete(key: string): boolean;
}

/** Values whose keys begin with the name of the group and `|`; in a group, keys are what comes after it. */
export interface StateGroup extends StateValues {
  /** All keys of the group, in order of their UTF-16 code units. Costs what it finds, however much else there is. */
  keys(): string[];
}

/** The state of one task as its processor uses it. */
export interface State extends StateValues {
  /** The keys that begin with `prefix`, in order of their UTF-16 code units. Looks at all keys. */
  keys(prefix?: string): string[];
  /**
   * The keys that begin with `name|`, as a state of their own: `group("day@1").get("ann")` is `get("day@1|ann")`.
   *
   * @throws {TypeError} when the name holds a `|`
   */
  group(name: string): StateGroup;
  /** The names of the groups that hold a value and begin with `prefix`, in order of their UTF-16 code units. */
  groups(prefix?: string): string[];
  /** How many keys have a value. */
  readonly size: number;
}

/** See {@linkcode State}; this is the engine's side of it. */
export class KeyedState implements State {
  readonly #root = new EntryGroup("");
  readonly #groups = new Map<string, EntryGroup>([["", this.#root]]);
  readonly #changed: Entry[] = [];
  readonly #undoEntries: Entry[] = [];
  readonly #undoStored: Stored[] = [];
  readonly #undoOwners: Owner[] = [];
  #undoLength = 0;
  readonly #trace: Trace | undefined;
  /** Keys that the unit under way looked at; absent when nobody wants to know. */
  #reads: Set<string> | undefined;
  /** The key of the record under way; absent when nobody wants to know. */
  #owner: (() => string | null) | undefined;
  #present = 0;
  /** What was looked for last, and found: who looks for a key is likely to set it then. */
  #lastKey: string | undefined;
  #lastGroup: EntryGroup | undefined;
  #lastRest: string | undefined;
  #lastEntry: Entry | undefined;
  #copying: Iterator<Entry> | undefined;
  #groupsGone = 0;

  /** @param trace where changes are noted, unless someone else notes them */
  constructor(trace?: Trace) {
    this.#trace = trace;
  }

  get size(): number {
    return this.#present;
  }

  /** Notes from here on which keys are looked at. */
  noteReads(): void {
    this.#reads = new Set();
  }

  /** Takes the keys that were looked at since the last call. */
  takeReads(): readonly string[] {
    if (!this.#reads?.size) return NO_KEYS;
    const keys = [...this.#reads];
    this.#reads.clear();
    return keys;
  }

  /** Notes from here on under which record's key an entry is written. */
  noteOwners(owner: () => string | null): void {
    this.#owner = owner;
  }

  /** Under which record's key `key` was written last. */
  ownerOf(key: string): string | null {
    const owner = this.#find(key)?.owner;
    return owner === undefined ? key : owner;
  }

  get<T>(key: string): T | undefined {
    this.#reads?.add(key);
    return unstored(this.#find(key)?.stored) as T | undefined;
  }

  has(key: string): boolean {
    this.#reads?.add(key);
    return this.#find(key)?.stored !== undefined;
  }

  set(key: string, value: unknown): void {
    if (typeof key !== "string") throw noKey("set", key);
    const stored = storedOf(value, key, "");
    const entry = this.#find(key) ?? this.#addKey(key);
    this.#put(entry, stored);
    this.#traceSet(entry, stored!);
  }

  delete(key: string): boolean {
    const entry = this.#find(key);
    return entry !== undefined && this.deleteEntry(entry);
  }

  keys(prefix = ""): string[] {
    const keys: string[] = [];
    for (const group of this.#groups.values()) {
      if (!group.prefix.startsWith(prefix.slice(0, group.prefix.length))) continue;
      for (const rest of group.rests()) if ((group.prefix + rest).startsWith(prefix)) keys.push(group.prefix + rest);
    }
    if (this.#reads) { for (const key of keys) this.#reads.add(key); }
    return keys.sort(compareText);
  }

  groups(prefix = ""): string[] {
    const names: string[] = [];
    for (const { prefix: whole, present } of this.#groups.values()) {
      if (whole !== "" && present > 0 && whole.startsWith(prefix)) names.push(whole.slice(0, -GROUP_END.length));
    }
    return names.sort();
  }

  group(name: string): StateGroup {
    if (name.includes(GROUP_END)) {
      throw new TypeError(`Cannot use state group ${JSON.stringify(name)}: it holds a |, which ends a group's name`);
    }
    return new GroupView(this, name + GROUP_END);
  }

  /** The entries whose keys begin with `prefix`, where there are any. */
  findGroup(prefix: string): EntryGroup | undefined {
    return this.#groups.get(prefix);
  }

  /** The entries whose keys begin with `prefix`. */
  groupOf(prefix: string): EntryGroup {
    let group = this.#groups.get(prefix);
    if (!group) this.#groups.set(prefix, group = new EntryGroup(prefix));
    return group;
  }

  /** Changes when a group is gone: whoever holds one has to look for it again. */
  get groupsGone(): number {
    return this.#groupsGone;
  }

  noteRead(prefix: string, rest: string): void {
    this.#reads?.add(prefix + rest);
  }

  /** Keeps the changes of the record under way. */
  keep(): void {
    // Emptying an array gives its memory back, and the next record would have to ask for it again.
    if (this.#undoLength > UNDO_KEPT_MAX) {
      this.#undoEntries.length = this.#undoStored.length = this.#undoOwners.length = 0;
    }
    this.#undoLength = 0;
  }

  /** Undoes the changes of the record under way, the last one first. */
  rollback(): void {
    for (let i = this.#undoLength - 1; i >= 0; i--) {
      this.#write(this.#undoEntries[i], this.#undoStored[i], this.#undoOwners[i]);
    }
    this.keep();
  }

  /** Takes the keys that changed since the last call, each with its latest value. */
  takeChanges(): StateEntries {
    const lengths = new Int32Array(this.#changed.length * 2);
    const text = this.#packChanges(lengths);
    this.#changed.length = 0;
    this.#lastKey =
      this.#lastGroup =
      this.#lastRest =
      this.#lastEntry =
        undefined;
    return { text, lengths };
  }

  /** Nothing may follow the loop: what V8 makes of one that is under way ends there, feed after feed. */
  #packChanges(lengths: Int32Array): string {
    let text = "";
    let piece = "";
    const last = this.#changed.length - 1;
    for (let i = 0; i <= last; i++) {
      const entry = this.#changed[i];
      const { group, rest } = entry;
      entry.change = -1;
      const packed = entryText(entry.stored, entry.owner);
      lengths[2 * i] = group.prefix.length + rest.length;
      lengths[2 * i + 1] = packed === undefined ? -1 : packed.length;
      piece += packed === undefined ? group.prefix + rest : group.prefix + rest + packed;
      if (packed === undefined) this.#forget(entry);
      if (piece.length < PIECE_UNITS && i < last) continue;
      // As in text_buffer.ts, V8 is made to join it while it is in the cache.
      piece.charCodeAt(0);
      text += piece;
      piece = "";
    }
    return text;
  }

  /**
   * Copies the next entries; an empty answer is the end of the copy.
   *
   * A copy may stretch over feeds: an entry shows its value at the time it is copied. It is complete together with the
   * changes of all feeds since the copy began, which is how the journal keeps it (a fuzzy checkpoint).
   */
  copy({ entriesMax, isFirst }: CopyPart): StateEntries {
    if (isFirst) this.#copying = this.#allEntries();
    let text = "";
    const lengths: number[] = [];
    while (lengths.length < entriesMax * 2) {
      const next = this.#copying?.next();
      if (next === undefined || next.done) break;
      const { group, rest, stored, owner } = next.value;
      const packed = entryText(stored, owner);
      if (packed === undefined) continue;
      lengths.push(group.prefix.length + rest.length, packed.length);
      text += group.prefix + rest + packed;
    }
    return { text, lengths: Int32Array.from(lengths) };
  }

  /** Applies entries that {@linkcode takeChanges} or {@linkcode copy} gave, in the order they were taken. */
  restore({ text, lengths }: StateEntries): void {
    let at = 0;
    for (let i = 0; i < lengths.length; i += 2) {
      const key = text.slice(at, at += lengths[i]);
      const length = lengths[i + 1];
      const end = key.indexOf(GROUP_END) + 1;
      const group = end === 0 ? this.#root : this.groupOf(key.slice(0, end));
      const rest = key.slice(end);
      const entry = group.entries.get(rest) ?? group.add(rest);
      if (length < 0) {
        this.#write(entry, undefined, undefined);
        continue;
      }
      const { stored, owner } = parseEntry(text.slice(at, at += length));
      this.#write(entry, stored, owner);
    }
    this.takeChanges();
  }

  #find(key: string): Entry | undefined {
    if (typeof key !== "string") throw noKey("look into", key);
    if (key === this.#lastKey) return this.#lastEntry;
    const end = key.indexOf(GROUP_END) + 1;
    const group = end === 0 ? this.#root : this.#groups.get(key.slice(0, end));
    if (group === undefined) return undefined;
    const entry = this.findIn(group, end === 0 ? key : key.slice(end));
    this.#lastKey = key;
    return entry;
  }

  #addKey(key: string): Entry {
    const end = key.indexOf(GROUP_END) + 1;
    const group = end === 0 ? this.#root : this.groupOf(key.slice(0, end));
    return this.#addTo(group, key.slice(end));
  }

  findIn(group: EntryGroup, rest: string): Entry | undefined {
    if (rest === this.#lastRest && group === this.#lastGroup) return this.#lastEntry;
    return this.#remember(group, rest, group.entries.get(rest));
  }

  #remember(group: EntryGroup, rest: string, entry: Entry | undefined): Entry | undefined {
    this.#lastKey = undefined;
    this.#lastGroup = group;
    this.#lastRest = rest;
    return this.#lastEntry = entry;
  }

  setIn(group: EntryGroup, rest: string, value: unknown): void {
    const stored = storedOf(value, group.prefix, rest);
    const entry = this.findIn(group, rest) ?? this.#addTo(group, rest);
    this.#put(entry, stored);
    this.#traceSet(entry, stored!);
  }

  #traceSet({ change, group, rest }: Entry, stored: Exclude<Stored, undefined>): void {
    if (typeof stored === "number") this.#trace?.addNumber(change, stored);
    else this.#trace?.add(TRACE.stateSet, group.prefix + rest, jsonOfStored(stored));
  }

  #addTo(group: EntryGroup, rest: string): Entry {
    // Whoever looked for it in vain is to find it.
    if (rest.isWellFormed() && group.prefix.isWellFormed()) return this.#remember(group, rest, group.add(rest))!;
    throw new TypeError(
      `Cannot set state ${JSON.stringify(group.prefix + rest)}: the key holds half of a surrogate pair`,
    );
  }

  deleteEntry(entry: Entry): boolean {
    if (entry.stored === undefined) return false;
    this.#put(entry, undefined);
    this.#trace?.addDeleted(entry.change);
    return true;
  }

  #put(entry: Entry, stored: Stored): void {
    // The undo entry goes first: an interruption between the two then restores what is still there.
    this.#undoEntries[this.#undoLength] = entry;
    if (this.#owner) this.#undoOwners[this.#undoLength] = entry.owner;
    this.#undoStored[this.#undoLength++] = entry.stored;
    this.#write(entry, stored, this.#owner && this.#ownerFor(entry));
  }

  #ownerFor({ group, rest }: Entry): Owner {
    const owner = this.#owner!();
    return owner === group.prefix + rest ? undefined : owner;
  }

  #write(entry: Entry, stored: Stored, owner: Owner): void {
    if ((entry.stored === undefined) !== (stored === undefined)) {
      const change = stored === undefined ? -1 : 1;
      this.#present += change;
      entry.group.present += change;
    }
    entry.stored = stored;
    entry.owner = owner;
    if (entry.change < 0) entry.change = this.#changed.push(entry) - 1;
  }

  #forget(entry: Entry): void {
    const { group } = entry;
    if (group.present > 0 || group === this.#root) return group.entries.delete(entry);
    // A group without values goes as a whole, not entry by entry.
    if (this.#groups.get(group.prefix) !== group) return;
    this.#groups.delete(group.prefix);
    this.#groupsGone++;
  }

  *#allEntries(): Generator<Entry> {
    for (const group of this.#groups.values()) yield* group.entries.values();
  }
}

function noKey(act: string, key: unknown): TypeError {
  return new TypeError(`Cannot ${act} state: the key is ${describe(key)}, text is wanted`);
}

/** Orders text by UTF-16 code units, the same everywhere; `localeCompare` depends on the machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
