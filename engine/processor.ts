/** The processor, as its author writes it. */

import type { Codec } from "./codec.ts";
import type { LogLevel } from "./ambient.ts";
import type { EffectOptions } from "./effects.ts";
import type { ProcessorGraph } from "./graph.ts";
import type { Output } from "./output.ts";
import type { StreamRecord } from "./record.ts";
import type { State } from "./state.ts";
import type { Timer, Timers } from "./timers.ts";

/** Named codecs. `never` stands for "whatever this codec encodes". */
export type Codecs = Readonly<Record<string, Codec<unknown, never>>>;

/** What a codec decodes to. */
export type Decoded<C> = C extends { decode(payload: never): infer In } ? Awaited<In> : never;

/** What a codec encodes. */
export type Encoded<C> = C extends { encode(value: infer Out): unknown } ? Out : never;

/** A record of any of the inputs; its `input` says which. */
export type RecordOf<Inputs extends Codecs> = {
  [Name in keyof Inputs & string]: StreamRecord<Decoded<Inputs[Name]>> & { readonly input: Name };
}[keyof Inputs & string];

/** What a processor is handed beside the record. Everything in it is deterministic. */
export interface Context<Outputs extends Codecs = Codecs> {
  /** Emits to the output `name`; without a name, to the only or first one. */
  readonly emit: <Name extends keyof Outputs & string>(output: Output<Encoded<Outputs[Name]>>, name?: Name) => void;
  /** The task's keyed state. */
  readonly state: State;
  /** The task's logical timers. */
  readonly timers: Timers;
  /** Logical time in milliseconds since the epoch: what `Date.now()` answers. */
  readonly now: number;
  /** A number in `[0, 1)` from the record's own generator; generators of different names do not influence each other. */
  readonly random: (name?: string) => number;
  /** A UUID that is the same at every replay and retry of this record: usable as an idempotency key, never as a secret. */
  readonly uuid: () => string;
  /** Calls the handler `name` in the controller; its answer is journaled and replayed. `input` and answer are JSON. */
  readonly effect: <T = unknown>(name: string, input?: unknown, options?: EffectOptions) => Promise<T>;
  /** Logs a line that is bound to the record. */
  readonly log: (message: string, level?: LogLevel) => void;
  /** The record under way; undefined in `onTimer`, `onStart` and `onEnd`. */
  readonly record: StreamRecord | undefined;
}

/** What `process` may answer instead of calling `emit`: one output, several, or none; at once or later. */
export type Emitted<T> =
  | void
  | undefined
  | Output<T>
  | Iterable<Output<T>>
  | AsyncIterable<Output<T>>
  | Promise<void | undefined | Output<T> | Iterable<Output<T>>>;

/** What the outputs of a processor encode, whichever it is. */
export type FirstEncoded<Outputs extends Codecs> = Encoded<Outputs[keyof Outputs]>;

/** A processor with named inputs and outputs; {@linkcode defineProcessor} makes one. */
export interface Processor<Inputs extends Codecs = Codecs, Outputs extends Codecs = Codecs> {
  /** Names the run unless `--name` does. */
  readonly name: string;
  /** For people; the identity of the code is the hash of its bundle. */
  readonly version?: string;
  /** What it is made of, where it is made of steps. */
  readonly graph?: ProcessorGraph;
  /** Name → codec of every input. */
  readonly inputs: Inputs;
  /** Name → codec of every output. */
  readonly outputs: Outputs;
  /** Called for each record, one at a time. */
  process(record: RecordOf<Inputs>, context: Context<Outputs>): Emitted<FirstEncoded<Outputs>>;
  /** Called when a timer of this task is due. */
  onTimer?(timer: Timer, context: Context<Outputs>): Emitted<FirstEncoded<Outputs>>;
  /** Runs once in the life of a task, before its first record. */
  onStart?(context: Context<Outputs>): Emitted<FirstEncoded<Outputs>>;
  /** Runs when bounded inputs have ended; flush what is still open. */
  onEnd?(context: Context<Outputs>): Emitted<FirstEncoded<Outputs>>;
}

/** A processor with one input and one output. */
export interface SimpleProcessor<In, Out> extends
  Omit<
    Processor<{ readonly default: Codec<In, never> }, { readonly default: Codec<unknown, Out> }>,
    "inputs" | "outputs"
  > {
  /** How records are decoded. */
  readonly input: Codec<In, never>;
  /** How outputs are encoded. */
  readonly output: Codec<unknown, Out>;
}

/**
 * Defines a processor: what a script exports as its default.
 *
 * @throws {TypeError} when the definition lacks a part or names no input or output
 * @example
 * ```ts
 * import { defineProcessor, json } from "@sluice/sluice/processor";
 *
 * export default defineProcessor({
 *   name: "double",
 *   input: json<{ n: number }>(),
 *   output: json<{ n: number }>(),
 *   process({ value }, context) {
 *     context.emit({ value: { n: value.n * 2 } });
 *   },
 * });
 * ```
 */
export function defineProcessor<In, Out>(
  definition: SimpleProcessor<In, Out>,
): Processor<{ readonly default: Codec<In, never> }, { readonly default: Codec<unknown, Out> }>;
/** Defines a processor with named inputs and outputs. */
export function defineProcessor<Inputs extends Codecs, Outputs extends Codecs>(
  definition: Processor<Inputs, Outputs>,
): Processor<Inputs, Outputs>;
export function defineProcessor(definition: object): object {
  const { input, output, ...rest } = definition as Processor & { input?: Codec<unknown>; output?: Codec<unknown> };
  const processor: Processor = {
    ...rest,
    inputs: input ? { default: input } : rest.inputs,
    outputs: output ? { default: output } : rest.outputs,
  };
  checkProcessor(processor);
  return Object.freeze(processor);
}

/** @throws {TypeError} when `processor` is not what {@linkcode defineProcessor} returns */
export function checkProcessor(processor: unknown): asserts processor is Processor {
  const { name, inputs, outputs, process } = (processor ?? {}) as Partial<Processor>;
  if (typeof name !== "string" || name === "") throw invalid("it has no name", "name: a non-empty string");
  if (typeof process !== "function") throw invalid("it has no process function", "process(record, context)");
  if (!hasCodecs(inputs)) throw invalid("it has no input", 'input: json(), text(), bytes(), or named "inputs"');
  if (!hasCodecs(outputs)) throw invalid("it has no output", 'output: json(), text(), bytes(), or named "outputs"');
}

function hasCodecs(codecs: Codecs | undefined): boolean {
  const all = Object.values(codecs ?? {});
  return all.length > 0 && all.every((codec) => typeof codec?.decode === "function");
}

function invalid(is: string, wanted: string): TypeError {
  return new TypeError(`Cannot use processor: ${is}, wanted is ${wanted}`);
}
