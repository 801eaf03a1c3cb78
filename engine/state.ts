/**
 * Keyed state of a task: string keys to JSON values, journaled as changes, copied out in chunks.
 *
 * - A value is its JSON text from the moment it is set; what `get` returns is a fresh copy. So mutating it changes
 *   nothing, and a restored task sees exactly what the live one saw.
 * - Iteration is in key order by UTF-16 code unit (I7), never in order of insertion, which a restore would change.
 * - The changes of a failed record are rolled back; the keys changed by a feed are known without looking at all keys.
 * - Keys that hold a `|` belong to the group that is named before it. The keys of a group are found without a look at the
 *   others: a window that closes costs what it holds, however much else there is.
 */

import { toStrictJson } from "./json_value.ts";
import { jsonOf, type Owner, ownerOf, withOwner } from "./owner.ts";
import { TRACE, type Trace } from "./trace.ts";

type Primitive = string | number | boolean | null;

/** An object or array at rest. */
class Packed {
  readonly json: string;
  constructor(json: string) {
    this.json = json;
  }
}

type Stored = Primitive | Packed | undefined;

/** Shorter parts of a text are copies. */
const VIEW_UNITS_MIN = 13;
/** Undo entries that stay allocated between records. */
const UNDO_KEPT_MAX = 1000;

/** Ends the name of a group. */
const GROUP_END = "|";

const NO_KEYS: readonly string[] = [];

interface Entry {
  stored: Stored;
  owner: Owner;
  isDirty: boolean;
}

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

/** The state of one task as its processor uses it. */
export interface State {
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
  /**
   * The keys that begin with `prefix`, in order of their UTF-16 code units.
   *
   * Looks at all keys, but for prefixes up to the first `|`, such as `window@1700000000000|`, which cost what they find.
   */
  keys(prefix?: string): string[];
  /** How many keys have a value. */
  readonly size: number;
}

/** See {@linkcode State}; this is the engine's side of it. */
export class KeyedState implements State {
  readonly #entries = new Map<string, Entry>();
  readonly #groups = new Map<string, Set<string>>();
  readonly #dirty: string[] = [];
  readonly #undoKeys: string[] = [];
  readonly #undoStored: Stored[] = [];
  readonly #undoOwners: Owner[] = [];
  #undoLength = 0;
  readonly #trace: Trace | undefined;
  /** Keys that the unit under way looked at; absent when nobody wants to know. */
  #reads: Set<string> | undefined;
  /** The key of the record under way; absent when nobody wants to know. */
  #owner: (() => string | null) | undefined;
  #present = 0;
  #lastKey: string | undefined;
  #lastEntry: Entry | undefined;
  #copying: Iterator<[string, Entry]> | undefined;

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
    const stored = this.#find(key)?.stored;
    return (stored instanceof Packed ? JSON.parse(stored.json) : stored) as T | undefined;
  }

  has(key: string): boolean {
    this.#reads?.add(key);
    return this.#find(key)?.stored !== undefined;
  }

  set(key: string, value: unknown): void {
    if (typeof key !== "string") {
      throw new TypeError(`Cannot set state: the key is a ${typeof key}, a string is wanted`);
    }
    let stored: Stored;
    let json: string;
    if (typeof value === "number" && Number.isFinite(value)) {
      stored = value === 0 ? 0 : value;
      json = "" + stored;
    } else {
      json = toStrictJson(value, `set state ${JSON.stringify(key)}`);
      stored = typeof value === "object" && value !== null
        ? new Packed(json)
        : typeof value === "string"
        ? ownText(value)
        : value as Primitive;
    }
    this.#trace?.add(TRACE.stateSet, key, json);
    this.#put(key, stored);
  }

  delete(key: string): boolean {
    if (this.#find(key)?.stored === undefined) return false;
    this.#trace?.add(TRACE.stateDeleted, key, "");
    this.#put(key, undefined);
    return true;
  }

  keys(prefix = ""): string[] {
    const keys = isGroup(prefix) ? [...this.#groups.get(prefix) ?? NO_KEYS] : this.#keysFrom(prefix);
    if (this.#reads) { for (const key of keys) this.#reads.add(key); }
    return keys.sort(compareText);
  }

  #keysFrom(prefix: string): string[] {
    const keys: string[] = [];
    for (const [key, { stored }] of this.#entries) if (stored !== undefined && key.startsWith(prefix)) keys.push(key);
    return keys;
  }

  /** Keeps the changes of the record under way. */
  keep(): void {
    // Emptying an array gives its memory back, and the next record would have to ask for it again.
    if (this.#undoLength > UNDO_KEPT_MAX) {
      this.#undoKeys.length = this.#undoStored.length = this.#undoOwners.length = 0;
    }
    this.#undoLength = 0;
  }

  /** Undoes the changes of the record under way, the last one first. */
  rollback(): void {
    for (let i = this.#undoLength - 1; i >= 0; i--) {
      this.#write(this.#undoKeys[i], this.#undoStored[i], this.#undoOwners[i]);
    }
    this.keep();
  }

  /** Takes the keys that changed since the last call, each with its latest value. */
  takeChanges(): StateEntries {
    let text = "";
    const lengths = new Int32Array(this.#dirty.length * 2);
    for (let i = 0; i < this.#dirty.length; i++) {
      const key = this.#dirty[i];
      const entry = this.#entries.get(key)!;
      entry.isDirty = false;
      const packed = textOf(entry);
      lengths[2 * i] = key.length;
      lengths[2 * i + 1] = packed === undefined ? -1 : packed.length;
      text += packed === undefined ? key : key + packed;
      if (packed === undefined) this.#entries.delete(key);
    }
    this.#dirty.length = 0;
    this.#lastKey = undefined;
    return { text, lengths };
  }

  /**
   * Copies the next entries; an empty answer is the end of the copy.
   *
   * A copy may stretch over feeds: an entry shows its value at the time it is copied. It is complete together with the
   * changes of all feeds since the copy began, which is how the journal keeps it (a fuzzy checkpoint).
   */
  copy({ entriesMax, isFirst }: CopyPart): StateEntries {
    if (isFirst) this.#copying = this.#entries.entries();
    let text = "";
    const lengths: number[] = [];
    while (lengths.length < entriesMax * 2) {
      const next = this.#copying?.next();
      if (next === undefined || next.done) break;
      const [key, entry] = next.value;
      const packed = textOf(entry);
      if (packed === undefined) continue;
      lengths.push(key.length, packed.length);
      text += key + packed;
    }
    return { text, lengths: Int32Array.from(lengths) };
  }

  /** Applies entries that {@linkcode takeChanges} or {@linkcode copy} gave, in the order they were taken. */
  restore({ text, lengths }: StateEntries): void {
    let at = 0;
    for (let i = 0; i < lengths.length; i += 2) {
      const key = text.slice(at, at += lengths[i]);
      const length = lengths[i + 1];
      if (length < 0) {
        this.#write(key, undefined, undefined);
        continue;
      }
      const packed = text.slice(at, at += length);
      this.#write(key, fromJson(jsonOf(packed)), ownerOf(packed));
    }
    this.takeChanges();
  }

  #find(key: string): Entry | undefined {
    if (key === this.#lastKey) return this.#lastEntry;
    this.#lastKey = key;
    return this.#lastEntry = this.#entries.get(key);
  }

  #put(key: string, stored: Stored): void {
    // The undo entry goes first: an interruption between the two then restores what is still there.
    const entry = this.#find(key);
    if (!entry && !key.isWellFormed()) {
      throw new TypeError(`Cannot set state ${JSON.stringify(key)}: the key holds half of a surrogate pair`);
    }
    this.#undoKeys[this.#undoLength] = key;
    if (this.#owner) this.#undoOwners[this.#undoLength] = entry?.owner;
    this.#undoStored[this.#undoLength++] = entry?.stored;
    this.#write(key, stored, this.#owner && this.#ownerFor(key));
  }

  #ownerFor(key: string): Owner {
    const owner = this.#owner!();
    return owner === key ? undefined : owner;
  }

  #write(key: string, stored: Stored, owner: Owner): void {
    let entry = this.#find(key);
    if (!entry) {
      entry = { stored: undefined, owner: undefined, isDirty: false };
      this.#entries.set(key, entry);
      this.#lastEntry = entry;
    }
    if ((entry.stored === undefined) !== (stored === undefined)) this.#count(key, stored !== undefined);
    entry.stored = stored;
    entry.owner = owner;
    if (!entry.isDirty) {
      entry.isDirty = true;
      this.#dirty.push(key);
    }
  }

  #count(key: string, isPresent: boolean): void {
    this.#present += isPresent ? 1 : -1;
    const end = key.indexOf(GROUP_END) + 1;
    if (end === 0) return;
    const name = key.slice(0, end);
    let group = this.#groups.get(name);
    if (!group) this.#groups.set(name, group = new Set());
    if (isPresent) group.add(key);
    else group.delete(key);
    if (group.size === 0) this.#groups.delete(name);
  }
}

function isGroup(prefix: string): boolean {
  return prefix !== "" && prefix.indexOf(GROUP_END) === prefix.length - 1;
}

/** Orders text by UTF-16 code units, the same everywhere; `localeCompare` depends on the machine. */
export function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/**
 * A copy that shares no memory. What V8 cuts out of a text (from thirteen code units on) is a view that keeps the whole
 * of it: a part of a record, kept for years, would keep everything that was read with it. Keys of a `Map` are copies.
 */
function ownText(text: string): string {
  return text.length < VIEW_UNITS_MIN ? text : JSON.parse(JSON.stringify(text)) as string;
}

function textOf({ stored, owner }: Entry): string | undefined {
  if (stored === undefined) return undefined;
  const json = stored instanceof Packed
    ? stored.json
    : typeof stored === "number"
    ? "" + stored
    : JSON.stringify(stored);
  return owner === undefined ? json : withOwner(json, owner);
}

function fromJson(json: string): Stored {
  const first = json.charCodeAt(0);
  const isObject = first === 0x7b || first === 0x5b;
  return isObject ? new Packed(ownText(json)) : JSON.parse(json) as Primitive;
}
