/**
 * The unit under way: one record, timer or hook, with everything it may touch.
 *
 * Whatever a unit does is kept as a whole or rolled back as a whole. Outside of units the clock does not answer, so code
 * that runs at the wrong moment (a forgotten promise) fails instead of reading a time that depends on the feed.
 */

import type { Ambient, LogLevel } from "./ambient.ts";
import { TIME_MS_MAX } from "./batch.ts";
import type { LogicalClock } from "./clock.ts";
import type { Codec } from "./codec.ts";
import { type ContextHost, RecordContext } from "./context.ts";
import { type EffectOptions, EffectQueue } from "./effects.ts";
import { describeError, type Failure, type UnitKind } from "./failure.ts";
import { describe, toStrictJson } from "./json_value.ts";
import { type Output, OutputBuffer } from "./output.ts";
import type { Processor } from "./processor.ts";
import { type Random, RecordRandom } from "./random.ts";
import type { StreamRecord } from "./record.ts";
import { FeedReport } from "./report.ts";
import { KeyedState } from "./state.ts";
import { TimerQueue } from "./timers.ts";
import { TRACE, Trace } from "./trace.ts";

/** The unit under way of one engine, reused for every unit. */
export class Unit implements ContextHost {
  readonly trace: Trace = new Trace();
  readonly state: KeyedState = new KeyedState(this.trace);
  readonly timers: TimerQueue = new TimerQueue(this.trace);
  readonly effects: EffectQueue = new EffectQueue();
  readonly outputs: OutputBuffer = new OutputBuffer();
  readonly report: FeedReport = new FeedReport();
  readonly #outputNames: readonly string[];
  readonly #outputCodecs: readonly Codec<unknown, never>[];
  readonly #clock: LogicalClock;
  readonly #random: RecordRandom;
  readonly #ambient: Ambient;
  readonly #globalRandom = (): Random => this.#random.named("global");
  #context: RecordContext;
  /** For all to read, and for the unit to write. */
  kind: UnitKind = "start";
  #record = -1;
  #serial = 0;
  #isSuspended = false;
  #opened: StreamRecord | undefined;

  constructor(processor: Processor, clock: LogicalClock, seed: number, ambient: Ambient) {
    this.#outputNames = Object.keys(processor.outputs);
    this.#outputCodecs = Object.values(processor.outputs);
    this.#clock = clock;
    this.#random = new RecordRandom(seed);
    this.#ambient = ambient;
    this.#context = new RecordContext(this);
  }

  /** Makes the globals of the realm, which other tasks may share, answer from this unit, where one is under way. */
  enter(): void {
    const ambient = this.#ambient;
    ambient.isActive = this.#isSuspended;
    ambient.nowMs = this.#clock.nowMs;
    ambient.random = this.#globalRandom;
    ambient.log = this.log;
  }

  /** Notes from here on under which record's key state and timers are written. */
  noteOwners(): void {
    const owner = (): string | null => {
      return this.kind === "timer" ? this.timers.firedOwner : this.#opened?.key ?? null;
    };
    this.state.noteOwners(owner);
    this.timers.noteOwners(owner);
  }

  /** Differs from unit to unit. */
  get serial(): number {
    return this.#serial;
  }

  get nowMs(): number {
    return this.#clock.nowMs;
  }

  /** Begins a unit; `record` counts from 0 within the feed and is -1 for anything but a record. */
  begin(kind: UnitKind, record: number, origin: number, low: number, high: number): void {
    this.#serial++;
    this.kind = kind;
    this.#record = record;
    this.#random.rekey(origin, low, high);
    this.#ambient.nowMs = this.#clock.nowMs;
    this.#ambient.isActive = true;
  }

  /** The context that the processor is handed. */
  open(record: StreamRecord | undefined): RecordContext {
    this.#opened = record;
    this.#context.begin(record);
    return this.#context;
  }

  /** Lets go of the last record, and of the batch that it is part of. */
  forgetRecord(): void {
    this.#opened = undefined;
    this.#context.forgetRecord();
  }

  /** The processor answered a promise: from here on the context is this unit's alone. */
  suspend(): void {
    this.#isSuspended = true;
  }

  /** Keeps what the unit did. */
  keep(): void {
    this.#close();
    this.outputs.keep();
    this.#conclude();
  }

  /** Undoes what the unit did, all but what it asked of the world, and says why. */
  rollback(error: unknown): Failure {
    this.#close();
    this.effects.drop();
    this.outputs.rollback();
    this.trace.rollback();
    this.state.rollback();
    this.timers.rollback();
    const failure: Failure = { kind: this.kind, record: this.#record, ...describeError(this.#ambient.explain(error)) };
    this.report.fail(failure);
    return failure;
  }

  /** Gives the unit up after {@linkcode rollback}: it happened, and did nothing. */
  giveUp({ name, code }: Failure): void {
    this.trace.add(TRACE.error, name, code ?? "");
    this.#conclude();
  }

  emit(output: Output, name: string | undefined): void {
    const index = name === undefined ? 0 : this.#outputNames.indexOf(name);
    if (index < 0) {
      const names = this.#outputNames.join(", ");
      throw new TypeError(`Cannot emit to ${JSON.stringify(name)}: the processor's outputs are ${names}`);
    }
    if (typeof output !== "object" || output === null || output.value === undefined) throw noOutput(output);
    const { value, key, timeMs, headers, partition } = output;
    if (partition !== undefined && !isPartition(partition)) throw noPartition(partition);
    if (timeMs !== undefined && timeMs !== null && !(Math.abs(timeMs) <= TIME_MS_MAX)) throw noTime(timeMs);
    if (typeof key === "object" && key !== null) throw noKey(key);
    const text = value === null ? null : encode(this.#outputCodecs[index], value);
    // Records may come with parts of a millisecond; no system that outputs go to knows those.
    const outputMs = Math.floor(timeMs ?? this.#clock.nowMs);
    this.outputs.push(text, key === undefined || key === null ? null : String(key), outputMs, index);
    if (headers !== undefined || partition !== undefined) this.outputs.addExtras(headers, partition);
  }

  generator(name: string): Random {
    return this.#random.named(name);
  }

  effect(name: string, input: unknown, options: EffectOptions): Promise<unknown> {
    const inputJson = input === undefined ? "" : toStrictJson(input, `call effect ${JSON.stringify(name)}`);
    this.trace.add(TRACE.effect, String(name), inputJson);
    return this.effects.request(this.#record, { ...options, name: String(name), inputJson });
  }

  readonly log = (level: LogLevel, text: string): void => {
    this.report.log({ record: this.#record, level, text });
  };

  #conclude(): void {
    if (this.trace.length > this.trace.keptLength) this.#keepChanges();
    this.report.endUnit(this.#record, this.outputs.length, this.trace.length, this.state.takeReads());
  }

  /** No change of state or timers is without its entry in the trace. */
  #keepChanges(): void {
    this.trace.keep();
    this.state.keep();
    this.timers.keep();
  }

  #close(): void {
    this.#context.end();
    if (this.#isSuspended) this.#context = new RecordContext(this);
    this.#isSuspended = false;
    this.#ambient.isActive = false;
  }
}

function encode(codec: Codec<unknown, never>, value: unknown): string {
  const encoded = codec.encode(value as never);
  if (typeof encoded === "string") return encoded;
  if (encoded instanceof Uint8Array) return binaryText(encoded);
  throw new TypeError(`Cannot emit output: the ${codec.name} codec encoded it as ${describe(encoded)}`);
}

/** Bytes as text, a code unit each: how values of a bytes codec leave the realm. */
function binaryText(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return text;
}

function isPartition(partition: unknown): boolean {
  return Number.isInteger(partition) && partition as number >= 0 && partition as number < 2 ** 31;
}

function noPartition(partition: unknown): TypeError {
  return new TypeError(`Cannot emit output: its partition is ${describe(partition)}, a whole number from 0 is wanted`);
}

function noTime(timeMs: unknown): TypeError {
  return new TypeError(`Cannot emit output: its time is ${describe(timeMs)}, milliseconds are wanted`);
}

/** As text, all objects are equal. */
function noKey(key: unknown): TypeError {
  return new TypeError(`Cannot emit output: its key is ${describe(key)}, text is wanted`);
}

function noOutput(output: unknown): TypeError {
  const is = typeof output === "object" && output !== null ? "its value is undefined" : `it is ${describe(output)}`;
  return new TypeError(`Cannot emit output: ${is}, an object { value, key? } is wanted`);
}
