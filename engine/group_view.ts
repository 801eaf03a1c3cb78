/** A group of keys of a state, as its processor uses it. */

import type { KeyedState, StateGroup } from "./state.ts";
import type { Entry, EntryGroup } from "./state_group.ts";
import { unstored } from "./stored_value.ts";

/** See {@linkcode StateGroup}. It finds its entries again when groups have gone meanwhile. */
export class GroupView implements StateGroup {
  readonly #state: KeyedState;
  readonly #prefix: string;
  #found: EntryGroup | undefined;
  #groupsGone = -1;

  constructor(state: KeyedState, prefix: string) {
    this.#state = state;
    this.#prefix = prefix;
  }

  get<T>(rest: string): T | undefined {
    this.#state.noteRead(this.#prefix, rest);
    return unstored(this.#entryOf(rest)?.stored) as T | undefined;
  }

  has(rest: string): boolean {
    this.#state.noteRead(this.#prefix, rest);
    return this.#entryOf(rest)?.stored !== undefined;
  }

  set(rest: string, value: unknown): void {
    this.#state.setIn(this.#find() ?? this.#state.groupOf(this.#prefix), rest, value);
  }

  delete(rest: string): boolean {
    const entry = this.#entryOf(rest);
    return entry !== undefined && this.#state.deleteEntry(entry);
  }

  keys(): string[] {
    // Without a comparison of its own, sorting compares code units, which is the order that is wanted, and fastest.
    const rests = this.#find()?.rests().sort() ?? [];
    for (const rest of rests) this.#state.noteRead(this.#prefix, rest);
    return rests;
  }

  #entryOf(rest: string): Entry | undefined {
    const group = this.#find();
    return group && this.#state.findIn(group, rest);
  }

  #find(): EntryGroup | undefined {
    if (this.#found === undefined || this.#groupsGone !== this.#state.groupsGone) {
      this.#found = this.#state.findGroup(this.#prefix);
      this.#groupsGone = this.#state.groupsGone;
    }
    return this.#found;
  }
}
