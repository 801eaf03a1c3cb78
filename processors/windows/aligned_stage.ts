/**
 * Tumbling, hopping and calendar windows: elements are added to slices, windows merge their slices when they close.
 *
 * State: `<step>@<slice>|<key>` the aggregate of a key in a slice; `<step>:slice|<slice>` a slice that is open;
 * `<step>:due|<end>` a window that is; `<step>:early@<end>|<key>` what was given early.
 */

import { compareText, type State } from "../../engine/state.ts";
import { type Key, passLate, type Stage } from "../pipeline/operator.ts";
import type { EventTimers } from "../time/event_timers.ts";
import { type Early, Emission, keyOf, keyPart, NO_EARLY, type WindowParts } from "./emission.ts";
import type { AlignedWindows, Slice } from "./windows.ts";

/** See the module. */
export class AlignedStage<T> implements Stage<T> {
  readonly #windows: AlignedWindows;
  readonly #parts: WindowParts<T>;
  readonly #name: string;
  readonly #state: State;
  readonly #emission: Emission;
  readonly #timers: EventTimers;
  readonly #late: Stage<T> | undefined;
  #watermarkMs = -Infinity;
  #slice: Slice = { startMs: 0, endMs: 0 };
  #group = "";
  /** Whether nothing can be added to the slice any more. */
  #lastEndMs = 0;

  constructor(windows: AlignedWindows, parts: WindowParts<T>) {
    this.#windows = windows;
    this.#parts = parts;
    this.#name = parts.scope.name;
    this.#state = parts.scope.state;
    this.#emission = new Emission(parts);
    this.#timers = parts.scope.timers((_, endMs) => this.#close(endMs));
    this.#late = parts.scope.side("late");
  }

  push(value: T, key: Key, timeMs: number): void {
    if (timeMs < this.#slice.startMs || timeMs >= this.#slice.endMs) this.#turnTo(timeMs);
    if (this.#lastEndMs <= this.#watermarkMs) {
      const watermarkMs = this.#watermarkMs;
      return passLate(this.#parts.scope, this.#late, { value, key, timeMs, watermarkMs });
    }
    const entry = this.#group + keyPart(key);
    const { aggregate } = this.#parts;
    let before = this.#state.get<unknown>(entry);
    if (before === undefined) {
      this.#openSlice();
      before = aggregate.create();
    }
    this.#state.set(entry, aggregate.add(before, value, timeMs));
    if (this.#emission.isEarly) this.#update(key, timeMs);
  }

  advance(watermarkMs: number): void {
    this.#watermarkMs = watermarkMs;
    this.#timers.advance(watermarkMs);
    this.#parts.down.advance(watermarkMs);
  }

  #turnTo(timeMs: number): void {
    this.#slice = this.#windows.sliceAt(timeMs);
    this.#group = this.#groupOf(this.#slice.startMs);
    this.#lastEndMs = this.#windows.endsOf(this.#slice.startMs).at(-1)!;
  }

  #groupOf(startMs: number): string {
    return `${this.#name}@${startMs}|`;
  }

  #openSlice(): void {
    const { startMs } = this.#slice;
    const marker = `${this.#name}:slice|${startMs}`;
    if (this.#state.has(marker)) return;
    this.#state.set(marker, 1);
    for (const endMs of this.#windows.endsOf(startMs)) {
      if (endMs > this.#watermarkMs) this.#timers.set(String(endMs), endMs);
    }
  }

  #update(key: Key, timeMs: number): void {
    for (const endMs of this.#windows.endsOf(this.#slice.startMs)) {
      if (endMs <= this.#watermarkMs) continue;
      const entry = this.#earlyGroup(endMs) + keyPart(key);
      const early = this.#state.get<Early>(entry) ?? NO_EARLY;
      const result = () => this.#parts.aggregate.result(this.#merged(key, endMs));
      this.#state.set(entry, this.#emission.update(this.#boundsOf(key, endMs), early, result, timeMs));
    }
  }

  #merged(key: Key, endMs: number): unknown {
    let merged: unknown;
    for (const startMs of this.#windows.slicesOf(endMs)) {
      const part = this.#state.get<unknown>(this.#groupOf(startMs) + keyPart(key));
      if (part !== undefined) merged = merged === undefined ? part : this.#parts.aggregate.merge(merged, part);
    }
    return merged;
  }

  #close(endMs: number): void {
    const slices = this.#windows.slicesOf(endMs);
    for (const part of this.#keysIn(slices)) {
      const key = keyOf(part);
      const result = this.#parts.aggregate.result(this.#merged(key, endMs));
      this.#emission.close(this.#boundsOf(key, endMs), this.#takeEarly(endMs, part), result, endMs - 1);
    }
    for (const startMs of slices) if (this.#windows.endsOf(startMs).at(-1) === endMs) this.#forget(startMs);
  }

  /** The keys that are in any of the slices, in order. */
  #keysIn(slices: readonly number[]): readonly string[] {
    const inEach = slices.map((startMs) => {
      const group = this.#groupOf(startMs);
      return this.#state.keys(group).map((key) => key.slice(group.length));
    });
    return inEach.length === 1 ? inEach[0] : [...new Set(inEach.flat())].sort(compareText);
  }

  #takeEarly(endMs: number, part: string): Early[1] {
    if (!this.#emission.isEarly) return null;
    const entry = this.#earlyGroup(endMs) + part;
    const [, before] = this.#state.get<Early>(entry) ?? NO_EARLY;
    this.#state.delete(entry);
    return before;
  }

  #forget(startMs: number): void {
    const group = this.#groupOf(startMs);
    for (const key of this.#state.keys(group)) this.#state.delete(key);
    this.#state.delete(`${this.#name}:slice|${startMs}`);
  }

  #earlyGroup(endMs: number): string {
    return `${this.#name}:early@${endMs}|`;
  }

  #boundsOf(key: Key, endMs: number): { readonly key: Key; readonly startMs: number; readonly endMs: number } {
    return { key, startMs: this.#windows.slicesOf(endMs)[0], endMs };
  }
}
