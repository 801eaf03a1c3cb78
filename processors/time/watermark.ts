/**
 * The watermark of one input: up to when its records have come.
 *
 * It is the lowest, over the input's partitions, of the highest event time less the lateness; it never moves back. A
 * partition counts from its first record on. One that has been silent for `idleMs`, by the clock of the run, holds up
 * nobody; once all are silent, event time goes on with the clock, so that windows close on quiet streams too.
 *
 * It moves in steps of `grainMs`: where windows begin on full minutes, the state notes one time per minute, not one per
 * record.
 */

import type { State } from "../../engine/state.ts";

/** What a watermark depends on. */
export interface WatermarkOptions {
  /** How far records may be out of order. */
  readonly latenessMs: number;
  /** After what silence a partition holds up nobody; absent for never. */
  readonly idleMs: number | undefined;
  /** In which steps it moves. */
  readonly grainMs: number;
}

/** Where a record was read. */
export interface Place {
  readonly stream: string;
  readonly partition: string;
}

interface Partition {
  readonly name: string;
  maxMs: number;
  /** When it had a record, by the clock of the run; up to an eighth of `idleMs` too early. */
  seenMs: number;
  isIdle: boolean;
}

/** Share of `idleMs` by which `seenMs` may be behind: noting it for every record would cost a write each. */
const SEEN_STEPS = 8;

/** See the module. What it keeps in memory is what the state has, so a restart changes nothing. */
export class Watermark {
  readonly #step: string;
  readonly #state: State;
  readonly #options: WatermarkOptions;
  readonly #partitions = new Map<string, Partition>();
  #last: Partition | undefined;
  #lastPlace: Place | undefined;
  #atMs: number;

  /** @param step the name of the input's step */
  constructor(step: string, state: State, options: WatermarkOptions) {
    this.#step = step;
    this.#state = state;
    this.#options = options;
    for (const name of state.group(`${step}:time`).keys()) this.#restore(name);
    this.#atMs = state.get<number>(this.#key("past", "")) ?? -Infinity;
    this.#move();
  }

  /** Where it stands. */
  get atMs(): number {
    return this.#atMs;
  }

  /** Notes a record of `partition`; whether the watermark has moved. */
  see({ stream, partition }: Place, timeMs: number, nowMs: number): boolean {
    let found = this.#last;
    // Records of a partition come in runs: its name is not put together for each.
    if (found === undefined || partition !== this.#lastPlace?.partition || stream !== this.#lastPlace.stream) {
      const name = `${stream}/${partition}`;
      this.#last = found = this.#partitions.get(name) ?? this.#add(name);
      this.#lastPlace = { stream, partition };
    }
    if (this.#options.idleMs !== undefined) this.#noteSeen(found, nowMs);
    if (!(this.#floor(timeMs) > this.#floor(found.maxMs))) return false;
    found.maxMs = timeMs;
    this.#state.set(this.#key("time", found.name), timeMs);
    return this.#move();
  }

  /** When a partition becomes idle next; undefined when none can. */
  nextIdleMs(): number | undefined {
    const { idleMs } = this.#options;
    const active = [...this.#partitions.values()].filter(({ isIdle }) => !isIdle);
    if (idleMs === undefined || active.length === 0) return undefined;
    return Math.min(...active.map(({ seenMs }) => seenMs + idleMs));
  }

  /** Looks for partitions that are idle at `nowMs`; whether the watermark has moved. */
  checkIdle(nowMs: number): boolean {
    const { idleMs } = this.#options;
    if (idleMs === undefined) return false;
    for (const each of this.#partitions.values()) {
      if (each.isIdle || each.seenMs + idleMs > nowMs) continue;
      each.isIdle = true;
      this.#state.set(this.#key("idle", each.name), each.seenMs);
    }
    return this.#move(nowMs);
  }

  #noteSeen(partition: Partition, nowMs: number): void {
    if (partition.isIdle) {
      this.#pin();
      partition.isIdle = false;
      this.#state.delete(this.#key("idle", partition.name));
    }
    if (nowMs - partition.seenMs < this.#options.idleMs! / SEEN_STEPS) return;
    partition.seenMs = nowMs;
    this.#state.set(this.#key("seen", partition.name), nowMs);
  }

  #add(name: string): Partition {
    this.#pin();
    const added = { name, maxMs: -Infinity, seenMs: -Infinity, isIdle: false };
    this.#partitions.set(name, added);
    return added;
  }

  #restore(name: string): void {
    const maxMs = this.#state.get<number>(this.#key("time", name))!;
    const seenMs = this.#state.get<number>(this.#key("seen", name)) ?? -Infinity;
    this.#partitions.set(name, { name, maxMs, seenMs, isIdle: this.#state.has(this.#key("idle", name)) });
  }

  #floor(maxMs: number): number {
    const { latenessMs, grainMs } = this.#options;
    return Math.floor((maxMs - latenessMs) / grainMs) * grainMs;
  }

  /** @param nowMs given where silence is looked for */
  #move(nowMs?: number): boolean {
    if (this.#partitions.size === 0) return false;
    const partitions = [...this.#partitions.values()];
    const active = partitions.filter(({ isIdle }) => !isIdle);
    const toMs = active.length > 0
      ? Math.min(...active.map(({ maxMs }) => maxMs))
      : nowMs === undefined
      ? -Infinity
      : quietMs(partitions, nowMs);
    if (!(this.#floor(toMs) > this.#atMs)) return false;
    this.#atMs = this.#floor(toMs);
    if (active.length === 0) this.#pin();
    return true;
  }

  /** Notes where it stands, before something that would make it lower if it were found anew. */
  #pin(): void {
    if (this.#atMs > -Infinity) this.#state.set(this.#key("past", ""), this.#atMs);
  }

  #key(what: string, name: string): string {
    return `${this.#step}:${what}|${name}`;
  }
}

/** With all partitions silent, event time goes on as the clock has since the last record. */
function quietMs(partitions: readonly Partition[], nowMs: number): number {
  const seenMs = Math.max(...partitions.map((each) => each.seenMs));
  return Math.max(...partitions.map(({ maxMs }) => maxMs)) + (nowMs - seenMs);
}
