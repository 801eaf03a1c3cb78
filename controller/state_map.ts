/** State and timers of a task as maps of texts, for people, comparisons, and for moving them. */

import { jsonOf } from "../engine/owner.ts";
import type { StateEntries } from "../engine/state.ts";
import type { TaskState } from "./sandbox/protocol.ts";

/** Key → JSON text of its value. */
export interface StateMap {
  readonly state: Map<string, string>;
  readonly timers: Map<string, string>;
}

/** What `parts` (as `TaskJournal.stateBefore` gives them) add up to. */
export function stateMap(parts: Iterable<TaskState>): StateMap {
  const map: StateMap = { state: new Map(), timers: new Map() };
  for (const part of parts) applyChanges(map, part);
  return map;
}

/** Like {@linkcode stateMap}, but with texts that name their owners. */
export function ownedStateMap(parts: Iterable<TaskState>): StateMap {
  const map: StateMap = { state: new Map(), timers: new Map() };
  for (const part of parts) {
    setOrDelete(map.state, textsOf(part.state));
    setOrDelete(map.timers, textsOf(part.timers));
  }
  return map;
}

/** Applies what a feed changed. */
export function applyChanges({ state, timers }: StateMap, changes: TaskState): void {
  setOrDelete(state, entriesOf(changes.state));
  setOrDelete(timers, entriesOf(changes.timers));
}

function setOrDelete(map: Map<string, string>, entries: Iterable<readonly [string, string | undefined]>): void {
  for (const [key, text] of entries) {
    if (text === undefined) map.delete(key);
    else map.set(key, text);
  }
}

/** Key and JSON text, entry by entry; a key that is gone has no text. */
export function* entriesOf(entries: StateEntries): Generator<readonly [key: string, json: string | undefined]> {
  for (const [key, text] of textsOf(entries)) yield [key, text === undefined ? undefined : jsonOf(text)];
}

/** Key and text, entry by entry, with the owner that the text may name (`engine/owner.ts`). */
export function* textsOf(
  { text, lengths }: StateEntries,
): Generator<readonly [key: string, text: string | undefined]> {
  let at = 0;
  for (let i = 0; i < lengths.length; i += 2) {
    const key = text.slice(at, at += lengths[i]);
    yield [key, lengths[i + 1] < 0 ? undefined : text.slice(at, at += lengths[i + 1])];
  }
}

/** What {@linkcode textsOf} takes apart, put together. */
export function packEntries(entries: Iterable<readonly [key: string, text: string | undefined]>): StateEntries {
  let joined = "";
  const lengths: number[] = [];
  for (const [key, text] of entries) {
    joined += key + (text ?? "");
    lengths.push(key.length, text === undefined ? -1 : text.length);
  }
  return { text: joined, lengths: Int32Array.from(lengths) };
}
