/** State and timers of a task as maps of JSON texts, for people and comparisons. */

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

/** Applies what a feed changed. */
export function applyChanges({ state, timers }: StateMap, changes: TaskState): void {
  for (const [key, json] of entriesOf(changes.state)) setOrDelete(state, key, json);
  for (const [key, json] of entriesOf(changes.timers)) setOrDelete(timers, key, json);
}

function setOrDelete(map: Map<string, string>, key: string, json: string | undefined): void {
  if (json === undefined) map.delete(key);
  else map.set(key, json);
}

/** Key and JSON text, entry by entry; a key that is gone has no text. */
export function* entriesOf(
  { text, lengths }: StateEntries,
): Generator<readonly [key: string, json: string | undefined]> {
  let at = 0;
  for (let i = 0; i < lengths.length; i += 2) {
    const key = text.slice(at, at += lengths[i]);
    yield [key, lengths[i + 1] < 0 ? undefined : text.slice(at, at += lengths[i + 1])];
  }
}

/** What {@linkcode entriesOf} takes apart, put together. */
export function packEntries(entries: Iterable<readonly [key: string, json: string | undefined]>): StateEntries {
  let text = "";
  const lengths: number[] = [];
  for (const [key, json] of entries) {
    text += key + (json ?? "");
    lengths.push(key.length, json === undefined ? -1 : json.length);
  }
  return { text, lengths: Int32Array.from(lengths) };
}
