/**
 * Logical timers, kept with the task's state and fired between records in `(at, key)` order (I7).
 *
 * A key has at most one timer; setting it again moves it. The heap may hold entries that were moved or cleared; they are
 * recognised when they surface, because the state no longer has them.
 */

import { describe } from "./json_value.ts";
import { type CopyPart, KeyedState, type StateEntries } from "./state.ts";
import { ownText } from "./stored_value.ts";
import { TimerHeap } from "./timer_heap.ts";
import { TRACE, type Trace } from "./trace.ts";

/** A timer that is due. */
export interface Timer {
  /** The key it was set with. */
  readonly key: string;
  /** Milliseconds since the epoch. */
  readonly atMs: number;
}

/** The timers of one task as its processor uses them. */
export interface Timers {
  /** Calls `onTimer` once logical time has reached `atMs`; a key's earlier timer is replaced. */
  set(key: string, atMs: number): void;
  /** Whether there was one to clear. */
  clear(key: string): boolean;
  /** When the timer of `key` is due. */
  get(key: string): number | undefined;
}

/** See {@linkcode Timers}; this is the engine's side of it. */
export class TimerQueue implements Timers {
  readonly #times = new KeyedState();
  readonly #trace: Trace;
  readonly #heap = new TimerHeap();
  #isTouched = false;
  #firedOwner: string | null = null;

  constructor(trace: Trace) {
    this.#trace = trace;
  }

  /** Notes from here on under which record's key a timer is set. */
  noteOwners(owner: () => string | null): void {
    this.#times.noteOwners(owner);
  }

  /** Under which record's key the timer that was taken last had been set. */
  get firedOwner(): string | null {
    return this.#firedOwner;
  }

  set(key: string, atMs: number): void {
    if (typeof key !== "string") throw new TypeError(`Cannot set timer: the key is ${describe(key)}, text is wanted`);
    if (!Number.isFinite(atMs)) {
      throw new TypeError(`Cannot set timer ${JSON.stringify(key)}: ${atMs} is no time, milliseconds are wanted`);
    }
    this.#times.set(key, atMs);
    this.#note(TRACE.timerSet, key, "" + atMs);
    this.#heap.push({ key: ownText(key), atMs });
  }

  clear(key: string): boolean {
    const hadTimer = this.#times.delete(key);
    if (hadTimer) this.#note(TRACE.timerCleared, key, "");
    return hadTimer;
  }

  get(key: string): number | undefined {
    return this.#times.get<number>(key);
  }

  /** When the next timer is due. */
  nextMs(): number | undefined {
    for (let top = this.#heap.first; top; top = this.#heap.first) {
      if (this.#times.get<number>(top.key) === top.atMs) return top.atMs;
      this.#heap.pop();
    }
    return undefined;
  }

  /** Takes the first timer that is due at `nowMs`, as part of the record under way. */
  takeDue(nowMs: number): Timer | undefined {
    const nextMs = this.nextMs();
    if (nextMs === undefined || nextMs > nowMs) return undefined;
    const timer = this.#heap.pop()!;
    this.#firedOwner = this.#times.ownerOf(timer.key);
    this.#times.delete(timer.key);
    this.#note(TRACE.timerFired, timer.key, "" + timer.atMs);
    return timer;
  }

  keep(): void {
    this.#times.keep();
    this.#isTouched = false;
  }

  rollback(): void {
    this.#times.rollback();
    if (this.#isTouched) this.#rebuild();
    this.#isTouched = false;
  }

  takeChanges(): StateEntries {
    return this.#times.takeChanges();
  }

  copy(part: CopyPart): StateEntries {
    return this.#times.copy(part);
  }

  restore(entries: StateEntries): void {
    this.#times.restore(entries);
    this.#rebuild();
  }

  #note(kind: number, key: string, detail: string): void {
    this.#isTouched = true;
    this.#trace.add(kind, key, detail);
  }

  #rebuild(): void {
    this.#heap.rebuild(this.#times.keys().map((key) => ({ key, atMs: this.#times.get<number>(key)! })));
  }
}
