/**
 * A processor under test: records go in one call at a time, in virtual time; what came out can be looked at, and crashes
 * made. It runs in the same realm as in a run, so what is not available there is not available here.
 */

import type { EffectHandlers } from "../controller/effects.ts";
import type { Fed } from "../controller/sandbox/protocol.ts";
import { SourcePositions } from "../controller/sandbox/source_positions.ts";
import type { ClockPolicy } from "../engine/clock.ts";
import type { ErrorPolicy, Failure } from "../engine/failure.ts";
import type { Decoded, Encoded } from "../engine/processor.ts";
import type { Feed } from "../engine/feed.ts";
import type { LogLine } from "../engine/report.ts";
import { unpackOutputs } from "../formats/unpacked_outputs.ts";
import { Laboratory, loadCode } from "./laboratory.ts";
import { feedOf, type PlacedRecord, type TestRecord } from "./records.ts";

/** What the inputs of a processor decode to. */
export type InputOf<P> = P extends { readonly inputs: infer Inputs } ? Decoded<Inputs[keyof Inputs]> : unknown;

/** What the outputs of a processor encode. */
export type OutputOf<P> = P extends { readonly outputs: infer Outputs } ? Encoded<Outputs[keyof Outputs]> : unknown;

/** An output of a processor under test. */
export interface TestOutput<Out = unknown> {
  /** Which of its outputs. */
  readonly name: string;
  /** The key, or null. */
  readonly key: string | null;
  /** What was emitted; null for a tombstone. Of a `bytes()` output, text. */
  readonly value: Out | null;
  /** Milliseconds since the epoch: logical time unless the processor gave another. */
  readonly timeMs: number;
  /** As JSON; absent where there are none. */
  readonly headers?: string;
  /** Absent where the key decides. */
  readonly partition?: number;
}

/** How a processor is tested. */
export interface TestOptions {
  /** Seed of all random numbers. @default {0} */
  readonly seed?: number;
  /** Where logical time comes from. @default {"feed"} */
  readonly clock?: ClockPolicy;
  /** The time at which the test begins, in ms since the epoch. @default {Date.UTC(2026, 0, 1)} */
  readonly nowMs?: number;
  /** What to do with a record that fails. @default {"halt"}: `send` throws */
  readonly onError?: ErrorPolicy;
  /** Handlers of `context.effect(name, input)`. */
  readonly effects?: EffectHandlers;
  /** What `parameters()` answers. */
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** Which pipeline, of a pipeline file with several. */
  readonly pipeline?: string;
  /** State to begin with: key → value. */
  readonly state?: Readonly<Record<string, unknown>>;
  /** Timers to begin with: key → ms since the epoch. */
  readonly timers?: Readonly<Record<string, number>>;
  /** The stream of records that name none. @default {"records"} */
  readonly stream?: string;
}

/** A record, timer or hook of a processor under test failed. */
export class TestedRecordFailed extends Error {
  /** The name of the class. */
  override readonly name = "TestedRecordFailed";
  /** What happened. */
  readonly failure: Failure;

  /** `frames` are those of the user's files. */
  constructor(failure: Failure, record: PlacedRecord | undefined, frames: string) {
    const place = record ? `record ${record.stream}/${record.partition}@${record.offset}` : `a ${failure.kind}`;
    super(`Cannot process ${place}: ${failure.name}: ${failure.message}${frames === "" ? "" : `\n${frames}`}`);
    this.failure = failure;
  }
}

const FIRST_MS = Date.UTC(2026, 0, 1);

/**
 * Loads a processor to be tested; `url` is its script, or the pipeline file that it is in.
 *
 * @example
 * ```ts ignore
 * import { testProcessor } from "@sluice/sluice/testing";
 * import { assertEquals } from "@std/assert";
 * import type totals from "./totals.ts";
 *
 * Deno.test("totals add up", async () => {
 *   const test = await testProcessor<typeof totals>(import.meta.resolve("./totals.ts"));
 *   await test.send({ value: { id: "1", customer: "ann", cents: 500 } });
 *   const [output] = await test.send({ value: { id: "2", customer: "ann", cents: 125 } });
 *   assertEquals(output.value, { customer: "ann", cents: 625 });
 * });
 * ```
 *
 * @throws {BundleError} when it cannot be bundled
 */
export async function testProcessor<P = unknown>(
  url: URL | string,
  options: TestOptions = {},
): Promise<TestedProcessor<P>> {
  const code = await loadCode(url, options);
  return new TestedProcessor<P>(
    new Laboratory(code, {
      seed: options.seed ?? 0,
      clock: options.clock ?? "feed",
      onError: options.onError ?? "halt",
      effects: options.effects ?? {},
      startMs: options.nowMs ?? FIRST_MS,
    }),
    new SourcePositions(code.sourceMap),
    options,
  );
}

/** A processor under test; {@linkcode testProcessor} makes one. */
export class TestedProcessor<P = unknown> {
  /** All outputs so far. */
  readonly outputs: TestOutput<OutputOf<P>>[] = [];
  /** What failed so far, where the policy is not `halt`. */
  readonly failures: Failure[] = [];
  /** What was logged so far. */
  readonly logs: LogLine[] = [];
  readonly #laboratory: Laboratory;
  readonly #positions: SourcePositions;
  readonly #stream: string;
  readonly #offsets = new Map<string, bigint>();
  #nowMs: number;
  #seq = 0;

  /** To be made by {@linkcode testProcessor}. */
  constructor(
    laboratory: Laboratory,
    positions: SourcePositions,
    { nowMs = FIRST_MS, stream = "records", state, timers }: TestOptions,
  ) {
    this.#laboratory = laboratory;
    this.#positions = positions;
    this.#stream = stream;
    this.#nowMs = nowMs;
    for (const [key, value] of Object.entries(state ?? {})) laboratory.state.state.set(key, JSON.stringify(value));
    for (const [key, atMs] of Object.entries(timers ?? {})) laboratory.state.timers.set(key, String(atMs));
    if (state || timers) laboratory.restart();
  }

  /** Virtual time, in ms since the epoch. It moves only by {@linkcode advance}. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** The keyed state: key → value, in key order. */
  get state(): Record<string, unknown> {
    return sorted(this.#laboratory.state.state);
  }

  /** The timers that are set: key → ms since the epoch. */
  get timers(): Record<string, number> {
    return sorted(this.#laboratory.state.timers) as Record<string, number>;
  }

  /**
   * Processes records, in this order; several partitions may be mixed. Answers what they emitted.
   *
   * @throws {TestedRecordFailed} when one fails and the policy is `halt`; what came before it is kept
   */
  async send(...records: readonly TestRecord<InputOf<P>>[]): Promise<readonly TestOutput<OutputOf<P>>[]> {
    const placed = records.map((record) => this.#place(record));
    return await this.#run(feedOf(this.#seq++, placed, this.#laboratory.info.inputCodecs ?? {}), placed);
  }

  /** Moves virtual time on; timers that are due by then fire. Answers what they emitted. */
  async advance(timeMs: number): Promise<readonly TestOutput<OutputOf<P>>[]> {
    if (!(timeMs >= 0)) throw new RangeError(`Cannot advance by ${timeMs} ms: time never moves back`);
    this.#nowMs += timeMs;
    return await this.#run({ seq: this.#seq++, batches: [], segments: [], tickMs: this.#nowMs }, []);
  }

  /** Ends the inputs: `onEnd` runs. Answers what it emitted. */
  async end(): Promise<readonly TestOutput<OutputOf<P>>[]> {
    return await this.#run({ seq: this.#seq++, batches: [], segments: [], end: true }, []);
  }

  /** Kills the processor and starts it anew, as after a power cut: what is not in `context.state` is gone. */
  crash(): void {
    this.#laboratory.restart();
  }

  /** Outputs, state and timers so far, in a stable and readable form, for `t.assertSnapshot`. */
  snapshot(): TestSnapshot {
    return { outputs: this.outputs, state: this.state, timers: this.timers };
  }

  #place(record: TestRecord): PlacedRecord {
    const { input = this.#laboratory.info.inputs[0], stream = this.#stream, partition = "0" } = record;
    const lane = `${stream}/${partition}`;
    const offset = record.offset ?? this.#offsets.get(lane) ?? 0n;
    this.#offsets.set(lane, offset + 1n);
    return { ...record, input, stream, partition, offset, timeMs: this.#nowMs };
  }

  async #run(
    feed: Feed,
    records: readonly PlacedRecord[],
  ): Promise<readonly TestOutput<OutputOf<P>>[]> {
    const fed = await this.#laboratory.run(feed);
    const outputs = this.#outputsOf(fed);
    this.outputs.push(...outputs);
    this.logs.push(...fed.logs);
    const failure = fed.isHalted ? fed.failures.at(-1) : undefined;
    if (!failure) {
      this.failures.push(...fed.failures);
      return outputs;
    }
    const frames = this.#positions.translate(failure.stack.split("\n").slice(1).join("\n"));
    throw new TestedRecordFailed(failure, records[failure.record], frames);
  }

  #outputsOf({ outputs }: Fed): TestOutput<OutputOf<P>>[] {
    const { outputs: names, outputCodecs = {} } = this.#laboratory.info;
    return unpackOutputs(outputs).map(({ name: index, value, ...rest }) => {
      const name = names[index];
      const isJson = outputCodecs[name] === "json" && value !== null;
      return { name, ...rest, value: (isJson ? JSON.parse(value) : value) as OutputOf<P> };
    });
  }
}

/** What {@linkcode TestedProcessor.snapshot} answers. */
export interface TestSnapshot {
  /** All outputs. */
  readonly outputs: readonly TestOutput[];
  /** Key → value. */
  readonly state: Readonly<Record<string, unknown>>;
  /** Key → ms since the epoch. */
  readonly timers: Readonly<Record<string, number>>;
}

function sorted(map: ReadonlyMap<string, string>): Record<string, unknown> {
  return Object.fromEntries([...map].sort(([a], [b]) => a < b ? -1 : 1).map(([key, json]) => [key, JSON.parse(json)]));
}
