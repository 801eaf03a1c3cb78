/**
 * Logical timers, kept with the task's state and fired between records in `(at, key)` order (I7).
 *
 * A key has at most one timer; setting it again moves it. The heap may hold entries that were moved or cleared; they are
 * recognised when they surface, because the state no longer has them.
 */

import { compareText, type CopyPart, KeyedState, type StateEntries } from "./state.ts";
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
  #heap: Timer[] = [];
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
    if (!Number.isFinite(atMs)) {
      throw new TypeError(`Cannot set timer ${JSON.stringify(key)}: ${atMs} is no time, milliseconds are wanted`);
    }
    this.#times.set(key, atMs);
    this.#note(TRACE.timerSet, key, "" + atMs);
    this.#push({ key, atMs });
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
    for (let top = this.#heap[0]; top; top = this.#heap[0]) {
      if (this.#times.get<number>(top.key) === top.atMs) return top.atMs;
      this.#pop();
    }
    return undefined;
  }

  /** Takes the first timer that is due at `nowMs`, as part of the record under way. */
  takeDue(nowMs: number): Timer | undefined {
    const nextMs = this.nextMs();
    if (nextMs === undefined || nextMs > nowMs) return undefined;
    const timer = this.#pop()!;
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
    this.#heap = this.#times.keys().map((key) => ({ key, atMs: this.#times.get<number>(key)! }));
    this.#heap.sort(compareTimers);
  }

  #push(timer: Timer): void {
    const heap = this.#heap;
    let child = heap.push(timer) - 1;
    while (child > 0) {
      const parent = child - 1 >> 1;
      if (compareTimers(heap[parent], timer) <= 0) break;
      heap[child] = heap[parent];
      child = parent;
    }
    heap[child] = timer;
  }

  #pop(): Timer | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last) this.#sink(last);
    return top;
  }

  #sink(timer: Timer): void {
    const heap = this.#heap;
    let parent = 0;
    for (let child = 1; child < heap.length; child = 2 * parent + 1) {
      if (child + 1 < heap.length && compareTimers(heap[child + 1], heap[child]) < 0) child++;
      if (compareTimers(timer, heap[child]) <= 0) break;
      heap[parent] = heap[child];
      parent = child;
    }
    heap[parent] = timer;
  }
}

function compareTimers(a: Timer, b: Timer): number {
  return a.atMs - b.atMs || compareText(a.key, b.key);
}
