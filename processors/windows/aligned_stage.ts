/**
 * Tumbling, hopping and calendar windows: elements are added to slices, windows merge their slices when they close.
 *
 * State: `<step>@<slice>|<key>` the aggregate of a key in a slice; `<step>:slice|<slice>` a slice that is open;
 * `<step>:due|<end>` a window that is; `<step>:early@<end>|<key>` what was given early.
 */

import { compareText, type State, type StateGroup } from "../../engine/state.ts";
import type { Key, Stage } from "../pipeline/operator.ts";
import { EventTime } from "../pipeline/event_time.ts";
import { type Early, Emission, NO_EARLY, type WindowParts } from "./emission.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import type { AlignedWindows, Slice } from "./windows.ts";

/** A window that ends, and which of its slices end with it. */
interface ClosingWindow extends Slice {
  readonly slices: readonly StateGroup[];
  readonly over: readonly StateGroup[];
}

/** See the module. */
export class AlignedStage<T> implements Stage<T> {
  readonly #windows: AlignedWindows;
  readonly #parts: WindowParts<T>;
  readonly #name: string;
  readonly #state: State;
  readonly #emission: Emission;
  readonly #time: EventTime<T>;
  #slice: Slice = { startMs: 0, endMs: 0 };
  #group: StateGroup;
  /** Where the last window ends that the slice is part of. */
  #lastEndMs = 0;
  /** Whether the state is known to have the slice. */
  #isOpen = false;
  #hasInherited = false;

  constructor(windows: AlignedWindows, parts: WindowParts<T>) {
    this.#windows = windows;
    this.#parts = parts;
    this.#name = parts.scope.name;
    this.#state = parts.scope.state;
    this.#group = this.#groupOf(0);
    this.#emission = new Emission(parts);
    this.#time = new EventTime(parts.scope, parts.down, (_, endMs) => this.#close(endMs));
  }

  push(value: T, key: Key, timeMs: number): void {
    if (!this.#hasInherited) this.#openInherited(this.#time.watermarkMs);
    if (timeMs < this.#slice.startMs || timeMs >= this.#slice.endMs) this.#turnTo(timeMs);
    if (this.#lastEndMs <= this.#time.watermarkMs) {
      return this.#time.refuse(value, key, timeMs);
    }
    const part = keyPart(key);
    const { aggregate } = this.#parts;
    let before = this.#group.get<unknown>(part);
    if (before === undefined) {
      if (!this.#isOpen) this.#openSlice(this.#slice.startMs, this.#time.watermarkMs);
      this.#isOpen = true;
      before = aggregate.create();
    }
    this.#group.set(part, aggregate.add(before, value, timeMs));
    if (this.#emission.isEarly) this.#update(key, timeMs);
  }

  advance(watermarkMs: number): void {
    // The end says nothing of what was closed before.
    if (!this.#hasInherited) this.#openInherited(watermarkMs < Infinity ? watermarkMs : -Infinity);
    this.#time.advance(watermarkMs);
  }

  #turnTo(timeMs: number): void {
    this.#slice = this.#windows.sliceAt(timeMs);
    this.#group = this.#groupOf(this.#slice.startMs);
    this.#lastEndMs = this.#windows.endsOf(this.#slice.startMs).at(-1)!;
    this.#isOpen = false;
  }

  #groupOf(startMs: number): StateGroup {
    return this.#state.group(`${this.#name}@${startMs}`);
  }

  /** Where a task goes on with the keys of another (Kinesis), what belongs to no key may have gone elsewhere. */
  #openInherited(watermarkMs: number): void {
    this.#hasInherited = true;
    const prefix = `${this.#name}@`;
    for (const group of this.#state.groups(prefix)) this.#openSlice(Number(group.slice(prefix.length)), watermarkMs);
  }

  #openSlice(startMs: number, watermarkMs: number): void {
    const marker = `${this.#name}:slice|${startMs}`;
    if (this.#state.has(marker)) return;
    this.#state.set(marker, 1);
    for (const endMs of this.#windows.endsOf(startMs)) {
      if (endMs > watermarkMs) this.#time.timers.set(String(endMs), endMs);
    }
  }

  #update(key: Key, timeMs: number): void {
    for (const endMs of this.#windows.endsOf(this.#slice.startMs)) {
      if (endMs <= this.#time.watermarkMs) continue;
      const group = this.#earlyGroup(endMs);
      const early = group.get<Early>(keyPart(key)) ?? NO_EARLY;
      const slices = this.#windows.slicesOf(endMs).map((startMs) => this.#groupOf(startMs));
      const result = () => this.#parts.aggregate.result(this.#merged(slices, keyPart(key)));
      group.set(keyPart(key), this.#emission.update(this.#boundsOf(key, endMs), early, result, timeMs));
    }
  }

  #merged(slices: readonly StateGroup[], part: string): unknown {
    let merged: unknown;
    for (const slice of slices) {
      const state = slice.get<unknown>(part);
      if (state !== undefined) merged = merged === undefined ? state : this.#parts.aggregate.merge(merged, state);
    }
    return merged;
  }

  #close(endMs: number): void {
    const starts = this.#windows.slicesOf(endMs);
    const slices = starts.map((startMs) => this.#groupOf(startMs));
    // No later window has these slices.
    const isOver = starts.map((startMs) => this.#windows.endsOf(startMs).at(-1) === endMs);
    const window = { slices, over: slices.filter((_, i) => isOver[i]), startMs: starts[0], endMs };
    for (const part of keysIn(slices)) this.#closeKey(part, window);
    starts.forEach((startMs, i) => {
      if (isOver[i]) this.#state.delete(`${this.#name}:slice|${startMs}`);
    });
  }

  #closeKey(part: string, { slices, over, startMs, endMs }: ClosingWindow): void {
    const result = this.#parts.aggregate.result(slices.length === 1 ? slices[0].get(part) : this.#merged(slices, part));
    this.#emission.close({ key: keyOf(part), startMs, endMs }, this.#takeEarly(endMs, part), result, endMs - 1);
    for (const slice of over) slice.delete(part);
  }

  #takeEarly(endMs: number, part: string): Early[1] {
    if (!this.#emission.isEarly) return null;
    const group = this.#earlyGroup(endMs);
    const [, before] = group.get<Early>(part) ?? NO_EARLY;
    group.delete(part);
    return before;
  }

  #earlyGroup(endMs: number): StateGroup {
    return this.#state.group(`${this.#name}:early@${endMs}`);
  }

  #boundsOf(key: Key, endMs: number): { readonly key: Key; readonly startMs: number; readonly endMs: number } {
    return { key, startMs: this.#windows.slicesOf(endMs)[0], endMs };
  }
}

/** The keys that are in any of the slices, in order. */
function keysIn(slices: readonly StateGroup[]): readonly string[] {
  const inEach = slices.map((slice) => slice.keys());
  return inEach.length === 1 ? inEach[0] : [...new Set(inEach.flat())].sort(compareText);
}
