/**
 * Windows by count and by change: one per key, which ends with its last element, with the first of the next, after a
 * silence, or at the end.
 *
 * State: `<step>|<key>` the window of a key; `<step>:due|<key>` when it is looked whether it has been silent.
 */

import type { StateGroup } from "../../engine/state.ts";
import type { Key, Stage } from "../pipeline/operator.ts";
import type { EventTimers } from "../time/event_timers.ts";
import { Emission, type WindowParts } from "./emission.ts";
import { keyOf, keyPart } from "../pipeline/key_part.ts";
import type { ChangeWindows, CountWindows } from "./windows.ts";

interface Open {
  readonly startMs: number;
  readonly endMs: number;
  readonly elements: number;
  readonly state: unknown;
  /** What stays the same in it. */
  readonly same: string | number | boolean | null;
}

/** See the module. */
export class CountStage<T> implements Stage<T> {
  readonly #windows: CountWindows | ChangeWindows<T>;
  readonly #parts: WindowParts<T>;
  readonly #group: StateGroup;
  readonly #emission: Emission;
  readonly #timers: EventTimers;

  constructor(windows: CountWindows | ChangeWindows<T>, parts: WindowParts<T>) {
    this.#windows = windows;
    this.#parts = parts;
    this.#group = parts.scope.state.group(parts.scope.name);
    this.#emission = new Emission(parts);
    this.#timers = parts.scope.timers((part, atMs) => this.#checkSilence(part, atMs));
  }

  push(value: T, key: Key, timeMs: number): void {
    const part = keyPart(key);
    const same = this.#windows.kind === "change" ? this.#windows.of(value, key) : null;
    let open = this.#group.get<Open>(part);
    if (open && open.same !== same) {
      this.#close(key, open, { isPartial: false, timeMs });
      open = undefined;
    }
    const { aggregate } = this.#parts;
    const grown = {
      startMs: Math.min(timeMs, open?.startMs ?? timeMs),
      endMs: Math.max(timeMs, open?.endMs ?? timeMs),
      elements: (open?.elements ?? 0) + 1,
      state: aggregate.add(open ? open.state : aggregate.create(), value, timeMs),
      same,
    };
    if (this.#windows.kind === "count" && grown.elements === this.#windows.size) {
      this.#close(key, grown, { isPartial: false, timeMs });
      this.#group.delete(part);
      return;
    }
    this.#group.set(part, grown);
    const { ttlMs } = this.#windows;
    if (ttlMs !== undefined && open === undefined) this.#timers.set(part, grown.endMs + ttlMs);
  }

  advance(watermarkMs: number): void {
    this.#timers.advance(watermarkMs);
    if (watermarkMs === Infinity) this.#closeAll();
    this.#parts.down.advance(watermarkMs);
  }

  #checkSilence(part: string, atMs: number): void {
    const open = this.#group.get<Open>(part);
    if (open === undefined) return;
    const dueMs = open.endMs + this.#windows.ttlMs!;
    if (dueMs > atMs) return this.#timers.set(part, dueMs);
    this.#close(keyOf(part), open, { isPartial: true, timeMs: dueMs });
    this.#group.delete(part);
  }

  #closeAll(): void {
    for (const part of this.#group.keys()) {
      const open = this.#group.get<Open>(part)!;
      this.#close(keyOf(part), open, { isPartial: true, timeMs: open.endMs });
      this.#group.delete(part);
    }
  }

  #close(key: Key, open: Open, { isPartial, timeMs }: { readonly isPartial: boolean; readonly timeMs: number }): void {
    const result = this.#parts.aggregate.result(open.state);
    this.#emission.close({ key, ...open }, null, isPartial ? { ...result, isPartial } : result, timeMs);
  }
}
