/**
 * The engine: takes a feed through a processor, unit after unit. Pure but for its own state, no I/O.
 *
 * - Units run one at a time: `onStart`, then per record the timers due before it and the record, then tick and `onEnd`.
 * - A unit's time and chance depend on the unit alone, never on the feed it came in (I6), so any split gives the same.
 * - A unit that fails leaves nothing behind; then the policy decides. Under `halt` it did not happen.
 * - Synchronous processors run without a promise. A unit that answers a promise suspends the loop, which its
 *   continuation resumes; the owner sees `waiting`, drains microtasks and delivers effects.
 * - What every record reads of others is a field of theirs: V8 would compile an accessor for each realm.
 */

import type { Ambient } from "./ambient.ts";
import { type ClockPolicy, LogicalClock } from "./clock.ts";
import type { Codec } from "./codec.ts";
import { decodeAt } from "./decode.ts";
import type { EffectRequest, EffectResult } from "./effects.ts";
import type { ErrorPolicy } from "./failure.ts";
import type { Segment } from "./feed.ts";
import type { Output } from "./output.ts";
import type { Processor } from "./processor.ts";
import type { FeedResult } from "./report.ts";
import type { KeyedState } from "./state.ts";
import { BatchRecord, originHash, type TextBatch } from "./text_batch.ts";
import type { TimerQueue } from "./timers.ts";
import { Unit } from "./unit.ts";

/** What fixes a task's behaviour besides its code. */
export interface EngineOptions {
  readonly seed: number;
  readonly clock: ClockPolicy;
  readonly onError: ErrorPolicy;
  /** Logical time so far. */
  readonly nowMs: number;
  /** Whether `onStart` ran in an earlier life of the task. */
  readonly isStarted: boolean;
  /** Whether the result says which keys of the state each unit looked at. */
  readonly notesReads?: boolean;
  /** Whether entries of the state say under which record's key they were written; see owner.ts. */
  readonly notesOwners?: boolean;
}

/** A feed as the engine takes it. */
export interface EngineFeed {
  readonly batches: readonly TextBatch[];
  readonly segments: readonly Segment[];
  readonly tickMs?: number;
  readonly unitsMin?: number;
  readonly end?: boolean;
}

/** `ready`: call `run`. `waiting`: a promise is open. `done`, `halted`: take the result. */
export type EngineStatus = "idle" | "ready" | "waiting" | "done" | "halted";

/** Thrown on behalf of a unit whose promise can never settle. */
export class StuckError extends Error {
  override readonly name = "StuckError";
  readonly code = "E_STUCK";
}

const NO_FEED: EngineFeed = { batches: [], segments: [] };
const START_ORIGIN = 0x5354;
const END_ORIGIN = 0x454e;
const TIMER_STREAM = "timer";

/** The engine of one task in one realm. */
export class Engine {
  readonly #processor: Processor;
  readonly #unit: Unit;
  readonly #clock: LogicalClock;
  readonly #onError: ErrorPolicy;
  #feed: EngineFeed = NO_FEED;
  #status: EngineStatus = "idle";
  #isStarted: boolean;
  #isEnded = false;
  /** The segment that comes next; what is said of the one under way stands in the fields that follow. */
  #segment = 0;
  #row = 0;
  #toRow = 0;
  #sealedMs = 0;
  #input = "";
  #codec: Codec<unknown, never> | undefined;
  #batch: TextBatch | undefined;
  #batchOrigin = 0;
  #records = 0;
  #units = 0;
  #budget = 0;
  #timerKey = "";

  constructor(processor: Processor, options: EngineOptions, ambient: Ambient) {
    this.#processor = processor;
    this.#clock = new LogicalClock(options.clock, options.nowMs);
    this.#unit = new Unit(processor, this.#clock, options.seed, ambient);
    this.#onError = options.onError;
    this.#isStarted = options.isStarted;
    if (options.notesReads) this.#unit.state.noteReads();
    if (options.notesOwners) this.#unit.noteOwners();
    this.#warmUp();
  }

  /**
   * An empty feed goes first: a field that V8 has not seen change by the time it compiles is taken for a constant, and the
   * code thrown away at the end of the first feed, in each realm.
   */
  #warmUp(): void {
    this.begin(NO_FEED);
    this.run(1);
    this.takeResult();
  }

  get state(): KeyedState {
    return this.#unit.state;
  }

  get timers(): TimerQueue {
    return this.#unit.timers;
  }

  get status(): EngineStatus {
    return this.#status;
  }

  /** How many records of the feed have been processed. */
  get records(): number {
    return this.#records;
  }

  /** Begins a feed; nothing is processed before {@linkcode run}. */
  begin(feed: EngineFeed): void {
    if (this.#status !== "idle") throw new Error(`Cannot begin a feed: the engine is ${this.#status}, idle is wanted`);
    this.#feed = feed;
    this.#segment = this.#row = this.#toRow = 0;
    this.#records = 0;
    this.#units = 0;
    this.#isEnded = false;
    this.#unit.effects.reset();
    this.#status = "ready";
  }

  /** Processes up to `unitsMax` units, fewer when one waits. */
  run(unitsMax: number): void {
    this.#budget = unitsMax;
    this.#unit.enter();
    this.#loop();
  }

  /** The effects asked for since the last call. */
  takeEffects(): EffectRequest[] {
    return this.#unit.effects.take();
  }

  /** Hands in the answer to an effect; the loop goes on when the unit's promise settles. */
  deliver(result: EffectResult): void {
    this.#unit.enter();
    this.#unit.effects.deliver(result);
  }

  /** Fails the unit that waits although nothing that could settle its promise is under way. */
  abandon(): void {
    if (this.#status !== "waiting" || this.#unit.effects.isWaiting) return;
    this.#unit.enter();
    this.#fail(new StuckError("Cannot finish the record: its promise waits for nothing that will ever happen"));
    this.#loop();
  }

  /** Takes what the feed did. After `done` the engine is ready for the next feed; after `halted` it is not. */
  takeResult(): FeedResult {
    const { report, outputs, trace, state, timers } = this.#unit;
    const isHalted = this.#status === "halted";
    if (!isHalted) this.#status = "idle";
    // Many tasks share a thread: those that wait for their next feed should not hold on to the last.
    this.#feed = NO_FEED;
    this.#batch = undefined;
    this.#unit.forgetRecord();
    return report.take({
      outputs: outputs.take(),
      trace: trace.take(),
      changes: state.takeChanges(),
      timerChanges: timers.takeChanges(),
      nowMs: this.#clock.nowMs,
      nextTimerMs: timers.nextMs(),
      records: this.#records,
      isStarted: this.#isStarted,
      isHalted,
    });
  }

  #loop(): void {
    while (this.#status === "ready" && this.#budget-- > 0) {
      if (this.#row < this.#toRow) this.#step(this.#batch!);
      else this.#stepBetween();
    }
  }

  #stepBetween(): void {
    const segment = this.#feed.segments[this.#segment];
    if (segment === undefined) return this.#stepBeyondRecords();
    this.#segment++;
    this.#row = segment.fromRow;
    this.#toRow = segment.toRow;
    this.#sealedMs = segment.timeMs;
    this.#input = segment.input;
    this.#codec = this.#processor.inputs[segment.input];
    this.#batch = this.#feed.batches[segment.batch];
    this.#batchOrigin = originHash(this.#batch);
  }

  #step(batch: TextBatch): void {
    const eventTimeMs = batch.eventTimesMs === undefined ? NaN : batch.eventTimesMs[this.#row];
    const nowMs = this.#clock.preview(this.#sealedMs, eventTimeMs);
    const timerMs = this.#unit.timers.nextMs();
    if (timerMs !== undefined && timerMs <= nowMs) return this.#fireTimer(timerMs);
    this.#clock.jump(nowMs);
    if (!this.#isStarted) return this.#start();
    this.#processRecord(batch);
  }

  /** A task without records has no time yet: `onStart` waits for the first record, or for the end of its inputs. */
  #start(): void {
    this.#isStarted = true;
    this.#runHook("start", START_ORIGIN, this.#processor.onStart);
  }

  #stepBeyondRecords(): void {
    const { tickMs, unitsMin = 0, end } = this.#feed;
    const timerMs = this.#unit.timers.nextMs();
    // What is behind the records of other feeds is their tick or their end.
    const isCut = tickMs === undefined && !end && this.#units < unitsMin;
    const isDue = timerMs !== undefined && (isCut || timerMs <= this.#clock.horizon({ tickMs, end }));
    if (isDue) return this.#fireTimer(timerMs);
    if (tickMs !== undefined) this.#clock.tick(tickMs);
    if (!end || this.#isEnded) {
      this.#status = "done";
    } else if (!this.#isStarted) {
      this.#start();
    } else {
      this.#isEnded = true;
      this.#runHook("end", END_ORIGIN, this.#processor.onEnd);
    }
  }

  #runHook(kind: "start" | "end", origin: number, hook: Processor["onStart"]): void {
    if (!hook) return;
    this.#unit.begin(kind, -1, origin, 0, 0);
    this.#call(() => hook.call(this.#processor, this.#unit.open(undefined)));
  }

  #fireTimer(atMs: number): void {
    this.#clock.jump(atMs);
    const timer = this.#unit.timers.takeDue(atMs)!;
    this.#timerKey = timer.key;
    const origin = originHash({ stream: TIMER_STREAM, partition: timer.key });
    this.#unit.begin("timer", -1, origin, atMs | 0, Math.floor(atMs / 0x100000000));
    this.#call(() => this.#processor.onTimer?.(timer, this.#unit.open(undefined)));
  }

  #processRecord(batch: TextBatch): void {
    const row = this.#row;
    const input = this.#input;
    const first = row * batch.offsetWidth;
    const high = foldHighWords(batch.offsetWords, first, batch.offsetWidth);
    this.#unit.begin("record", this.#records, this.#batchOrigin, batch.offsetWords[first], high);
    let returned: unknown;
    try {
      const value = decodeAt(batch, row, this.#codec!);
      if (isThenable(value)) return this.#decodeLater(value, batch, row, input);
      returned = this.#process(batch, row, input, value);
    } catch (error) {
      return this.#fail(error);
    }
    if (returned === undefined) this.#pass();
    else this.#settle(returned);
  }

  // A closure in the method above would cost every record an allocation.
  #decodeLater(value: PromiseLike<unknown>, batch: TextBatch, row: number, input: string): void {
    this.#waitFor(value, (decoded) => this.#call(() => this.#process(batch, row, input, decoded)));
  }

  #process(batch: TextBatch, row: number, input: string, value: unknown): unknown {
    const record = new BatchRecord(batch, row, input, value);
    return this.#processor.process(record as never, this.#unit.open(record));
  }

  #call(hook: () => unknown): void {
    let returned: unknown;
    try {
      returned = hook();
    } catch (error) {
      return this.#fail(error);
    }
    this.#settle(returned);
  }

  /** Emits what a unit returned: nothing, one output, several; now or later. */
  #settle(returned: unknown): void {
    try {
      if (isThenable(returned)) return this.#waitFor(returned, (later) => this.#settle(later));
      if (isAsyncIterable(returned)) return this.#waitFor(this.#drain(returned), () => this.#pass());
      if (isIterable(returned)) {
        for (const output of returned) this.#unit.emit(output as Output, undefined);
      } else if (returned !== undefined) {
        this.#unit.emit(returned as Output, undefined);
      }
    } catch (error) {
      return this.#fail(error);
    }
    this.#pass();
  }

  async #drain(outputs: AsyncIterable<unknown>): Promise<void> {
    for await (const output of outputs) this.#unit.emit(output as Output, undefined);
  }

  #waitFor(promise: PromiseLike<unknown>, then: (value: unknown) => void): void {
    this.#status = "waiting";
    this.#unit.suspend();
    const waiting = this.#unit.serial;
    const resume = (go: () => void): void => {
      // A promise of a unit that was abandoned may still settle; nobody waits for it any more.
      if (this.#status !== "waiting" || this.#unit.serial !== waiting) return;
      this.#status = "ready";
      go();
      this.#loop();
    };
    Promise.resolve(promise).then(
      (value) => resume(() => then(value)),
      (error) => resume(() => this.#fail(error)),
    );
  }

  #pass(): void {
    this.#unit.keep();
    this.#moveOn();
  }

  #fail(error: unknown): void {
    const failure = this.#unit.rollback(error);
    if (this.#onError === "halt") {
      if (failure.kind === "start") this.#isStarted = false;
      this.#status = "halted";
      return;
    }
    if (failure.kind === "timer") this.#unit.timers.clear(this.#timerKey);
    this.#unit.giveUp(failure);
    this.#status = "ready";
    this.#moveOn();
  }

  #moveOn(): void {
    this.#units++;
    if (this.#unit.kind !== "record") return;
    this.#row++;
    this.#records++;
  }
}

/** Offsets have up to 186 bits; all of them count. */
function foldHighWords(words: Uint32Array, first: number, width: number): number {
  let folded = 0;
  for (let word = 1; word < width; word++) folded = Math.imul(folded, 0x01000193) ^ words[first + word];
  return folded;
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof value === "object" && value !== null && typeof (value as PromiseLike<unknown>).then === "function";
}

function isIterable(value: unknown): value is Iterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.iterator in value;
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
