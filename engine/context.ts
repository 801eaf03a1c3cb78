/**
 * The context of a record. It is over when its record is: a forgotten promise cannot write on behalf of another one.
 *
 * Synchronous records share a context object: between its begin and its end no other code can run. A record that
 * answered a promise keeps its own for good.
 */

import type { LogLevel } from "./ambient.ts";
import type { EffectOptions } from "./effects.ts";
import type { Output } from "./output.ts";
import type { Context } from "./processor.ts";
import type { Random } from "./random.ts";
import type { StreamRecord } from "./record.ts";
import type { State } from "./state.ts";
import type { Timers } from "./timers.ts";

/** What a context asks of its engine. */
export interface ContextHost {
  readonly state: State;
  readonly timers: Timers;
  readonly nowMs: number;
  emit(output: Output, name: string | undefined): void;
  generator(name: string): Random;
  effect(name: string, input: unknown, options: EffectOptions): Promise<unknown>;
  log(level: LogLevel, message: string): void;
}

/** See {@linkcode Context}. Methods are bound, so that they survive destructuring. */
export class RecordContext implements Context {
  readonly #host: ContextHost;
  #record: StreamRecord | undefined;
  #isOver = true;

  constructor(host: ContextHost) {
    this.#host = host;
  }

  get record(): StreamRecord | undefined {
    return this.#record;
  }

  begin(record: StreamRecord | undefined): void {
    this.#record = record;
    this.#isOver = false;
  }

  end(): void {
    this.#isOver = true;
  }

  forgetRecord(): void {
    this.#record = undefined;
  }

  readonly emit = (output: Output<never>, name?: string): void => this.#live("emit").emit(output, name);

  get state(): State {
    return this.#live("use state").state;
  }

  get timers(): Timers {
    return this.#live("use timers").timers;
  }

  get now(): number {
    return this.#live("read the time").nowMs;
  }

  readonly random = (name = "random"): number =>
    this.#live("draw a random number").generator(`context:${name}`).nextNumber();

  readonly uuid = (): string => this.#live("make a UUID").generator("context:uuid").nextUuid();

  readonly effect = <T>(name: string, input?: unknown, options: EffectOptions = {}): Promise<T> =>
    this.#live("call an effect").effect(name, input, options) as Promise<T>;

  readonly log = (message: string, level: LogLevel = "info"): void => this.#live("log").log(level, String(message));

  #live(act: string): ContextHost {
    if (this.#isOver) {
      throw new Error(`Cannot ${act}: the record is over; await every promise before process() ends`);
    }
    return this.#host;
  }
}
