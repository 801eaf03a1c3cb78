/**
 * What tasks kept, divided among those that go on for them: each entry goes where its key goes.
 *
 * An entry's key is that of the record that wrote it last (`engine/owner.ts`). One heir takes everything. Where there are
 * several, an entry that no record wrote, such as what `onStart` set, goes to each of them. Nothing is dropped, and nothing
 * is guessed: what cannot be divided or united stops the run.
 */

import { ownerOf } from "../engine/owner.ts";
import type { TaskState } from "./sandbox/protocol.ts";
import { packEntries, type StateMap } from "./state_map.ts";
import { StateNotMovable } from "./task_errors.ts";

/** State and timers of a task that hands over; texts name their owners. */
export interface Estate extends StateMap {
  readonly task: string;
}

/** How many heirs there are, and which of them has a key. */
export interface Heirs {
  readonly count: number;
  /** Undefined when none has. */
  heirOf(key: string): number | undefined;
}

/**
 * The state of each heir.
 *
 * @throws {StateNotMovable}
 */
export function divideState(estates: readonly Estate[], heirs: Heirs): readonly StateMap[] {
  const shares = Array.from({ length: heirs.count }, (): StateMap => ({ state: new Map(), timers: new Map() }));
  const division = new Division(estates.map(({ task }) => task), heirs);
  for (const { state, timers } of estates) {
    for (const [key, text] of state) {
      for (const heir of division.heirsOf(key, text)) division.add(shares[heir].state, key, text);
    }
    for (const [key, text] of timers) {
      for (const heir of division.heirsOf(key, text)) division.addTimer(shares[heir].timers, key, text);
    }
  }
  return shares;
}

class Division {
  readonly #tasks: readonly string[];
  readonly #heirs: Heirs;
  readonly #all: readonly number[];

  constructor(tasks: readonly string[], heirs: Heirs) {
    this.#tasks = tasks;
    this.#heirs = heirs;
    this.#all = Array.from({ length: heirs.count }, (_, heir) => heir);
  }

  heirsOf(key: string, text: string): readonly number[] {
    const owner = ownerOf(text);
    if (this.#heirs.count === 1 || owner === null) return this.#all;
    const heir = this.#heirs.heirOf(owner ?? key);
    if (heir !== undefined) return [heir];
    const whose = owner === undefined ? "" : `, written under the key ${JSON.stringify(owner)},`;
    throw this.#error("E_STATE_HOMELESS", key, `belongs${whose} to no partition that goes on with theirs`);
  }

  add(share: Map<string, string>, key: string, text: string): void {
    const known = share.get(key);
    if (known !== undefined && known !== text) {
      throw this.#error("E_STATE_CONFLICT", key, "has different values in them");
    }
    share.set(key, text);
  }

  /** A timer that no record set, such as the tick that `onStart` began, is each task's own: the earlier one goes on. */
  addTimer(share: Map<string, string>, key: string, text: string): void {
    const known = share.get(key);
    const areOwnerless = known !== undefined && ownerOf(known) === null && ownerOf(text) === null;
    if (!areOwnerless) return this.add(share, key, text);
    if (parseFloat(text) < parseFloat(known)) share.set(key, text);
  }

  #error(code: StateNotMovable["code"], key: string, reason: string): StateNotMovable {
    return new StateNotMovable(reason, { code, tasks: this.#tasks, key });
  }
}

/** `share` in parts of so many entries, as a journal keeps them. */
export function* partsOf({ state, timers }: StateMap, entriesMax: number): Generator<TaskState> {
  yield* slices(state, entriesMax, (slice) => ({ state: slice, timers: packEntries([]) }));
  yield* slices(timers, entriesMax, (slice) => ({ state: packEntries([]), timers: slice }));
}

function* slices(
  entries: ReadonlyMap<string, string>,
  entriesMax: number,
  part: (slice: TaskState["state"]) => TaskState,
): Generator<TaskState> {
  let slice: (readonly [string, string])[] = [];
  for (const entry of entries) {
    slice.push(entry);
    if (slice.length < entriesMax) continue;
    yield part(packEntries(slice));
    slice = [];
  }
  if (slice.length > 0) yield part(packEntries(slice));
}
