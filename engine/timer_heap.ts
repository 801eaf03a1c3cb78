/** Timers in `(at, key)` order: a binary heap. It may hold timers that no longer count; its owner knows them. */

import { compareText } from "./state.ts";
import type { Timer } from "./timers.ts";

/** See the module. */
export class TimerHeap {
  #heap: Timer[] = [];
  /** The first timer; for all to read, and for the heap to write. */
  first: Timer | undefined;

  /** Begins anew with `timers`. */
  rebuild(timers: Timer[]): void {
    this.#heap = timers.sort(compareTimers);
    this.first = this.#heap[0];
  }

  /** Adds a timer. */
  push(timer: Timer): void {
    const heap = this.#heap;
    let child = heap.push(timer) - 1;
    while (child > 0) {
      const parent = child - 1 >> 1;
      if (compareTimers(heap[parent], timer) <= 0) break;
      heap[child] = heap[parent];
      child = parent;
    }
    heap[child] = timer;
    this.first = heap[0];
  }

  /** Takes the first timer. */
  pop(): Timer | undefined {
    const heap = this.#heap;
    const top = heap[0];
    const last = heap.pop();
    if (heap.length > 0 && last) this.#sink(last);
    this.first = heap[0];
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
