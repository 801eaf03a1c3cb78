/**
 * Pipelines under test, in the test's own thread: records of several partitions, cut into feeds anyhow, with crashes
 * between them, against an oracle that sees all records at once.
 */

import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { idleAmbient } from "../../engine/ambient.ts";
import type { ClockPolicy } from "../../engine/clock.ts";
import { Engine } from "../../engine/engine.ts";
import type { Codecs, Processor } from "../../engine/processor.ts";
import { packRecords } from "../../adapters/memory/source.ts";
import type { TextBatch } from "../../engine/text_batch.ts";
import { unpackOutputs } from "./engine_outputs.ts";

/** A record of a test: everything but its value has a default. */
export interface TestElement<T = unknown> {
  readonly value: T | null;
  readonly key?: string;
  readonly timeMs?: number;
  readonly partition?: string;
  readonly input?: string;
}

/** An output, decoded. */
export interface TestResult {
  readonly output: string;
  readonly key: string | null;
  readonly value: unknown;
  readonly timeMs: number;
}

/** What a run of a pipeline left behind. */
export interface Ran {
  readonly results: readonly TestResult[];
  /** Keys in the state at the end. */
  readonly stateKeys: readonly string[];
  /** The most keys that there were after any feed. */
  readonly stateKeysMax: number;
  readonly failures: readonly string[];
  readonly logs: readonly string[];
}

/** How records are fed. */
export interface Feeding {
  /** Records per feed, in turn. */
  readonly sizes?: readonly number[];
  /** After which feeds the process dies, in turn. */
  readonly crashes?: readonly boolean[];
  /** What the clock of the run says when the records are fed, by record; later ones as the last. */
  readonly clockMs?: readonly number[];
  /** Whether the inputs end. @default {true} */
  readonly ends?: boolean;
  /** Ticks of the clock after the last record. */
  readonly ticksMs?: readonly number[];
  readonly clock?: ClockPolicy;
  readonly onError?: "halt" | "skip";
  /** Which keys of the state are there after a crash: an heir has no others. @default {all} */
  readonly inherits?: (key: string) => boolean;
  /** Answers effects. */
  readonly answer?: (name: string, input: unknown) => unknown;
}

const START_MS = Date.UTC(2026, 0, 1);

/** Runs `make()` over `elements`; a fresh one after each crash, as a fresh process would have. */
export async function runPipeline(
  make: () => Processor<Codecs, Codecs>,
  elements: readonly TestElement[],
  feeding: Feeding = {},
): Promise<Ran> {
  const { sizes = [Infinity], crashes = [false], ends = true, ticksMs = [] } = feeding;
  const ran = new PipelineUnderTest(make, feeding);
  let at = 0;
  for (let feed = 0; at < elements.length; feed++) {
    const fed = elements.slice(at, at + sizes[feed % sizes.length]);
    if (await ran.feed(fed, at)) break;
    at += fed.length;
    if (crashes[feed % crashes.length]) ran.crash();
  }
  for (const tickMs of ticksMs) {
    await ran.run({ batches: [], segments: [], tickMs });
    if (crashes.some((each) => each)) ran.crash();
  }
  if (ends && ran.failures.length === 0) await ran.run({ batches: [], segments: [], end: true });
  return ran.left();
}

/** The engine of a pipeline, what it gave so far, and where its clock stands. */
class PipelineUnderTest {
  readonly failures: string[] = [];
  readonly #results: TestResult[] = [];
  readonly #logs: string[] = [];
  readonly #offsets = new Map<string, number>();
  readonly #make: () => Processor<Codecs, Codecs>;
  readonly #feeding: Feeding;
  #engine: Engine;
  #outputs: readonly string[] = [];
  #nowMs = 0;
  #isStarted = false;
  #stateKeysMax = 0;

  constructor(make: () => Processor<Codecs, Codecs>, feeding: Feeding) {
    this.#make = make;
    this.#feeding = feeding;
    this.#engine = this.#open();
  }

  /** Feeds records, the first of which is number `at` of all; answers whether one of them halted the task. */
  async feed(elements: readonly TestElement[], at: number): Promise<boolean> {
    const { clockMs = [] } = this.#feeding;
    const batches = elements.map((element) => batchOf(element, this.#offsets));
    const segments = elements.map(({ input = "default" }, i) => ({
      batch: i,
      fromRow: 0,
      toRow: 1,
      timeMs: clockMs[Math.min(at + i, clockMs.length - 1)] ?? START_MS,
      input,
    }));
    return (await this.run({ batches, segments })).isHalted;
  }

  async run(feed: Parameters<Engine["begin"]>[0]) {
    const engine = this.#engine;
    engine.begin(feed);
    engine.run(Infinity);
    for (let tries = 0; engine.status === "waiting" && tries < 10_000; tries++) {
      for (const { id, name, inputJson } of engine.takeEffects()) {
        engine.deliver(answerTo(this.#feeding, id, name, inputJson));
      }
      await Promise.resolve();
    }
    const fed = engine.takeResult();
    const outputs = unpackOutputs(fed.outputs);
    this.#results.push(...outputs.map(({ name, ...rest }) => ({ output: this.#outputs[name], ...rest })));
    this.failures.push(...fed.failures.map(({ message }) => message));
    this.#logs.push(...fed.logs.map(({ text }) => text));
    [this.#nowMs, this.#isStarted] = [fed.nowMs, fed.isStarted];
    this.#stateKeysMax = Math.max(this.#stateKeysMax, engine.state.size);
    return fed;
  }

  /** Goes on with a fresh engine that has the state and the timers of this one. */
  crash(): void {
    const { inherits } = this.#feeding;
    const [state, timers] = [this.#engine.state, this.#engine.timers].map((each) =>
      each.copy({ entriesMax: Infinity, isFirst: true })
    );
    const engine = this.#engine = this.#open();
    engine.state.restore(state);
    engine.timers.restore(timers);
    for (const key of engine.state.keys()) if (inherits?.(key) === false) engine.state.delete(key);
    engine.state.keep();
    engine.state.takeChanges();
  }

  left(): Ran {
    const { failures } = this;
    const stateKeys = this.#engine.state.keys();
    return { results: this.#results, stateKeys, stateKeysMax: this.#stateKeysMax, failures, logs: this.#logs };
  }

  #open(): Engine {
    const { clock = "feed", onError = "halt" } = this.#feeding;
    const processor = this.#make();
    this.#outputs = Object.keys(processor.outputs);
    const options = { seed: 1, clock, onError, nowMs: this.#nowMs, isStarted: this.#isStarted };
    return new Engine(processor, options, idleAmbient());
  }
}

function answerTo({ answer }: Feeding, id: number, name: string, inputJson: string) {
  try {
    return { id, ok: true, text: JSON.stringify(answer!(name, inputJson === "" ? undefined : JSON.parse(inputJson))) };
  } catch (error) {
    return { id, ok: false, text: (error as Error).message };
  }
}

function batchOf(element: TestElement, offsets: Map<string, number>): TextBatch {
  const { partition = "0", input = "default", key, value, timeMs } = element;
  const lane = `${input}/${partition}`;
  const offset = offsets.get(lane) ?? 0;
  offsets.set(lane, offset + 1);
  const text = value === null ? null : JSON.stringify(value);
  const { bytes, ranges, ...batch } = packRecords(input, partition, [{
    value: text,
    offset: BigInt(offset),
    ...(key === undefined ? {} : { key }),
    ...(timeMs === undefined ? {} : { eventTimeMs: timeMs }),
  }]);
  const whole = new TextDecoder().decode(bytes);
  const units = ranges.map((at) => at === 0xffffffff ? at : new TextDecoder().decode(bytes.subarray(0, at)).length);
  return { ...batch, ranges, texts: [whole], rowBits: 10, textRanges: units, invalidRows: new Set() };
}

/** Ways to feed `count` records. */
export function feedings(count: number): fc.Arbitrary<Feeding> {
  const list = <T>(each: fc.Arbitrary<T>) => fc.array(each, { minLength: 1, maxLength: Math.max(1, count) });
  return fc.record({ sizes: list(fc.integer({ min: 1, max: Math.max(1, count) })), crashes: list(fc.boolean()) });
}

/** The values of the outputs `output`, as text, without regard to their order. */
export function unordered({ results }: Ran, output = "default"): readonly string[] {
  return results.filter((each) => each.output === output).map(({ value }) => JSON.stringify(value)).sort();
}

/** Requires that whatever `feeding` does, results and state are those of one feed. */
export async function assertSameUnder(
  make: () => Processor<Codecs, Codecs>,
  elements: readonly TestElement[],
  feeding: Feeding,
): Promise<Ran> {
  const plain = await runPipeline(make, elements, { ...feeding, sizes: [Infinity], crashes: [false] });
  const other = await runPipeline(make, elements, feeding);
  assertEquals(other.results, plain.results);
  assertEquals(other.stateKeys, plain.stateKeys);
  assertEquals(other.failures, plain.failures);
  return plain;
}
