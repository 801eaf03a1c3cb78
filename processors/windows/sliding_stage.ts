/**
 * Sliding windows: the elements of a key are kept in order of time; each time that the watermark has passed gives a result.
 *
 * State: `<step>|<key>` what a key had within the size and the lateness, in order of time, of equal times in the order in
 * which they came; `<step>:due|<key>` the next time to give a result, or to forget.
 */

import type { StateGroup } from "../../engine/state.ts";
import type { Key, Stage } from "../pipeline/operator.ts";
import { EventTime } from "../pipeline/event_time.ts";
import { Emission, type WindowParts } from "./emission.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import type { SlidingWindows } from "./windows.ts";

type Timed = readonly [timeMs: number, value: unknown];

/** See the module. */
export class SlidingStage<T> implements Stage<T> {
  readonly #sizeMs: number;
  readonly #parts: WindowParts<T>;
  readonly #group: StateGroup;
  readonly #emission: Emission;
  readonly #time: EventTime<T>;

  constructor({ sizeMs }: SlidingWindows, parts: WindowParts<T>) {
    this.#sizeMs = sizeMs;
    this.#parts = parts;
    this.#group = parts.scope.state.group(parts.scope.name);
    this.#emission = new Emission(parts);
    this.#time = new EventTime(parts.scope, parts.down, (part, atMs) => this.#give(part, atMs - 1));
  }

  push(value: T, key: Key, timeMs: number): void {
    if (timeMs < this.#time.watermarkMs) {
      return this.#time.refuse(value, key, timeMs);
    }
    const part = keyPart(key);
    const elements = this.#group.get<readonly Timed[]>(part) ?? [];
    const at = elements.findLastIndex(([eachMs]) => eachMs <= timeMs) + 1;
    this.#group.set(part, elements.toSpliced(at, 0, [timeMs, value]));
    const setMs = this.#time.timers.get(part);
    if (setMs === undefined || timeMs + 1 < setMs) this.#time.timers.set(part, timeMs + 1);
  }

  advance(watermarkMs: number): void {
    this.#time.advance(watermarkMs);
  }

  /** The elements of a time are complete: what they and those before them amount to. */
  #give(part: string, timeMs: number): void {
    const elements = this.#group.get<readonly Timed[]>(part)!;
    const inside = elements.filter(([eachMs]) => eachMs > timeMs - this.#sizeMs && eachMs <= timeMs);
    const next = elements.find(([eachMs]) => eachMs > timeMs);
    if (inside.some(([eachMs]) => eachMs === timeMs)) {
      const { aggregate } = this.#parts;
      const state = inside.reduce((sum, [eachMs, value]) => aggregate.add(sum, value as T, eachMs), aggregate.create());
      const bounds = { key: keyOf(part), startMs: timeMs - this.#sizeMs + 1, endMs: timeMs };
      this.#emission.close(bounds, null, aggregate.result(state), timeMs);
    }
    const fromMs = timeMs - this.#sizeMs;
    const left = elements.filter(([eachMs]) => eachMs > fromMs);
    if (left.length === 0) this.#group.delete(part);
    else this.#group.set(part, left);
    if (next) this.#time.timers.set(part, next[0] + 1);
    else if (left.length > 0) this.#time.timers.set(part, left[0][0] + this.#sizeMs + 1);
  }
}
