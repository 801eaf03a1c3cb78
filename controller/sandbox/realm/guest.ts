/**
 * The realm's side of the door between host and processor, for one task.
 *
 * Only primitives and ArrayBuffers come in, only strings, numbers and typed arrays go out. The host calls these methods
 * directly, and they run nothing of the processor's: what does is planned, and done when the host runs the realm under a
 * time limit.
 */

import type { EffectResult } from "../../../engine/effects.ts";
import { Engine, type EngineFeed, type EngineOptions } from "../../../engine/engine.ts";
import { unpackSegments } from "../../../engine/feed.ts";
import type { ProcessorGraph } from "../../../engine/graph.ts";
import { JsonPieces } from "../../../engine/json_pieces.ts";
import { checkProcessor, type Processor } from "../../../engine/processor.ts";
import type { FeedResult } from "../../../engine/report.ts";
import type { StateEntries } from "../../../engine/state.ts";
import { takeAll } from "../../../engine/take_all.ts";
import type { TextBatch } from "../../../engine/text_batch.ts";
import { ambient } from "./intrinsics.ts";
import { collectThrown, type Thrown } from "./microtasks.ts";
import { plan } from "./plan.ts";

/** What the host passes for one batch, besides its columns. */
export interface BatchMeta {
  readonly stream: string;
  readonly partition: string;
  readonly count: number;
  readonly offsetWidth: number;
  readonly rowBits: number;
  readonly invalidRows: readonly number[];
}

/** What the host learns about a processor. */
export interface ProcessorInfo {
  /** As `defineProcessor` was told. */
  readonly name: string;
  /** As `defineProcessor` was told. */
  readonly version?: string;
  /** The names of its inputs. */
  readonly inputs: readonly string[];
  /** The names of its outputs. */
  readonly outputs: readonly string[];
  /** Input → name of its codec; absent in what older bundles say. */
  readonly inputCodecs?: Readonly<Record<string, string>>;
  /** Output → name of its codec; absent in what older bundles say. */
  readonly outputCodecs?: Readonly<Record<string, string>>;
  /** Whether an input wants bytes. */
  readonly takesBytes: boolean;
  /** Whether an input reads JSON; absent in what older bundles say. */
  readonly hasJson?: boolean;
  /** Whether an output's codec makes bytes; then all values leave as one code unit per byte. */
  readonly givesBytes: boolean;
  /** Whether no output's value can contain a line feed. */
  readonly isSingleLine: boolean;
  /** What it is made of, where it is made of steps. */
  readonly graph?: ProcessorGraph;
}

/** What the host sees of a task in its realm. */
export type Door = Pick<Guest, keyof Guest>;

/** See the module. */
export class Guest {
  readonly #definition: unknown;
  readonly #thrown: Thrown;
  readonly #texts: string[] = [];
  readonly #arrays: string[] = [];
  readonly #batches: TextBatch[] = [];
  #engine: Engine | undefined;

  constructor(definition: unknown, thrown: Thrown) {
    this.#definition = definition;
    this.#thrown = thrown;
  }

  describe(): string {
    const { name, version, inputs, outputs, graph } = this.#processor();
    const info: ProcessorInfo = {
      name,
      ...(version === undefined ? {} : { version }),
      inputs: Object.keys(inputs),
      outputs: Object.keys(outputs),
      inputCodecs: codecNames(inputs),
      outputCodecs: codecNames(outputs),
      takesBytes: Object.values(inputs).some(({ kind }) => kind === "bytes"),
      hasJson: Object.values(inputs).some(({ decode }) => "fromJson" in decode),
      givesBytes: Object.values(outputs).some(({ kind }) => kind === "bytes"),
      isSingleLine: Object.values(outputs).every(({ isSingleLine }) => isSingleLine === true),
      ...(graph === undefined ? {} : { graph }),
    };
    return JSON.stringify(info);
  }

  open(optionsJson: string): void {
    this.#engine = new Engine(this.#processor(), JSON.parse(optionsJson) as EngineOptions, ambient);
  }

  /** Adds a piece of the next batch's payload, all but the last. */
  addText(text: string): void {
    this.#texts.push(text);
  }

  /** Adds the values of a piece of the next batch as the text of an array; see {@linkcode JsonPieces}. */
  addArray(text: string): void {
    this.#arrays.push(text);
  }

  /** The buffers belong to the realm from here on. `text` is the payload, or the last piece of it. */
  addBatch(
    metaJson: string,
    text: string,
    textRanges: ArrayBuffer,
    ranges: ArrayBuffer,
    offsetWords: ArrayBuffer,
    eventTimesMs: ArrayBuffer | undefined,
    bytes: ArrayBuffer | undefined,
    headerBytes: ArrayBuffer | undefined,
    headerStarts: ArrayBuffer | undefined,
    headerRanges: ArrayBuffer | undefined,
  ): void {
    const { invalidRows, ...meta } = JSON.parse(metaJson) as BatchMeta;
    this.#batches.push({
      ...meta,
      texts: [...takeAll(this.#texts), text],
      textRanges: new Uint32Array(textRanges),
      ranges: new Uint32Array(ranges),
      offsetWords: new Uint32Array(offsetWords),
      invalidRows: new Set(invalidRows),
      ...(this.#arrays.length > 0 ? { json: new JsonPieces(takeAll(this.#arrays), meta) } : {}),
      ...(eventTimesMs ? { eventTimesMs: new Float64Array(eventTimesMs) } : {}),
      ...(bytes ? { bytes: new Uint8Array(bytes) } : {}),
      ...(headerBytes && headerStarts && headerRanges
        ? {
          headers: {
            bytes: new Uint8Array(headerBytes),
            starts: new Uint32Array(headerStarts),
            ranges: new Uint32Array(headerRanges),
          },
        }
        : {}),
    });
  }

  /** Four words per segment; see `engine/feed.ts`. */
  beginPackedFeed(feedJson: string, words: ArrayBuffer, timesMs: ArrayBuffer): void {
    const { inputs, ...feed } = JSON.parse(feedJson) as { inputs: string[] } & Omit<EngineFeed, "batches" | "segments">;
    const segments = unpackSegments({ words: new Int32Array(words), timesMs: new Float64Array(timesMs), inputs });
    this.#running().begin({ ...feed, segments, batches: takeAll(this.#batches) });
  }

  restoreState(text: string, lengths: ArrayBuffer): void {
    this.#running().state.restore({ text, lengths: new Int32Array(lengths) });
  }

  restoreTimers(text: string, lengths: ArrayBuffer): void {
    this.#running().timers.restore({ text, lengths: new Int32Array(lengths) });
  }

  copyState(entriesMax: number, isFirst: boolean): StateEntries {
    return this.#running().state.copy({ entriesMax, isFirst });
  }

  copyTimers(entriesMax: number, isFirst: boolean): StateEntries {
    return this.#running().timers.copy({ entriesMax, isFirst });
  }

  /** Plans to process up to so many units. */
  planRun(unitsMax: number): void {
    this.#plan((engine) => engine.run(unitsMax));
  }

  planDelivery(resultsJson: string): void {
    const results = JSON.parse(resultsJson) as EffectResult[];
    this.#plan((engine) => results.forEach((result) => engine.deliver(result)));
  }

  planAbandon(): void {
    this.#plan((engine) => engine.abandon());
  }

  status(): string {
    return this.#running().status;
  }

  records(): number {
    return this.#running().records;
  }

  takeEffects(): string {
    return JSON.stringify(this.#running().takeEffects());
  }

  takeMicrotaskError(): string {
    const { first } = this.#thrown;
    this.#thrown.first = undefined;
    return first ? String(first.error) : "";
  }

  takeResult(): FeedResult {
    return this.#running().takeResult();
  }

  #plan(work: (engine: Engine) => void): void {
    plan(() => {
      collectThrown(this.#thrown);
      work(this.#running());
    });
  }

  #running(): Engine {
    if (!this.#engine) throw new Error("Cannot use the realm: it was not opened");
    return this.#engine;
  }

  #processor(): Processor {
    checkProcessor(this.#definition);
    return this.#definition;
  }
}

function codecNames(codecs: Readonly<Record<string, { readonly name: string }>>): Record<string, string> {
  return Object.fromEntries(Object.entries(codecs).map(([name, codec]) => [name, codec.name]));
}
