/**
 * The realm's side of the door between host and processor.
 *
 * Only primitives and ArrayBuffers come in, only strings, numbers and typed arrays go out. The host calls these
 * functions directly, except `go`, the only one that runs the processor's code: that one it runs under a time limit.
 */

import type { EffectResult } from "../../../engine/effects.ts";
import { Engine, type EngineFeed, type EngineOptions } from "../../../engine/engine.ts";
import { unpackSegments } from "../../../engine/feed.ts";
import type { ProcessorGraph } from "../../../engine/graph.ts";
import { checkProcessor } from "../../../engine/processor.ts";
import type { FeedResult } from "../../../engine/report.ts";
import type { StateEntries } from "../../../engine/state.ts";
import { takeAll } from "../../../engine/take_all.ts";
import type { TextBatch } from "../../../engine/text_batch.ts";
import { sealGlobal } from "./freeze.ts";
import { DOOR } from "./install.ts";
import { ambient } from "./intrinsics.ts";
import { takeMicrotaskError } from "./microtasks.ts";
import { explainMissing } from "./removed.ts";

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
  /** Whether an output's codec makes bytes; then all values leave as one code unit per byte. */
  readonly givesBytes: boolean;
  /** Whether no output's value can contain a line feed. */
  readonly isSingleLine: boolean;
  /** What it is made of, where it is made of steps. */
  readonly graph?: ProcessorGraph;
}

let engine: Engine | undefined;
const texts: string[] = [];
const batches: TextBatch[] = [];
let go: () => void = () => {};

function open(optionsJson: string): void {
  // Evaluation is over: from here on time and chance belong to records.
  ambient.explain = explainMissing;
  engine = new Engine(processor(), JSON.parse(optionsJson) as EngineOptions, ambient);
}

let definition: unknown;

function processor() {
  checkProcessor(definition);
  return definition;
}

function describeProcessor(): string {
  const { name, version, inputs, outputs, graph } = processor();
  const info: ProcessorInfo = {
    name,
    ...(version === undefined ? {} : { version }),
    inputs: Object.keys(inputs),
    outputs: Object.keys(outputs),
    inputCodecs: codecNames(inputs),
    outputCodecs: codecNames(outputs),
    takesBytes: Object.values(inputs).some(({ kind }) => kind === "bytes"),
    givesBytes: Object.values(outputs).some(({ kind }) => kind === "bytes"),
    isSingleLine: Object.values(outputs).every(({ isSingleLine }) => isSingleLine === true),
    ...(graph === undefined ? {} : { graph }),
  };
  return JSON.stringify(info);
}

function codecNames(codecs: Readonly<Record<string, { readonly name: string }>>): Record<string, string> {
  return Object.fromEntries(Object.entries(codecs).map(([name, codec]) => [name, codec.name]));
}

function running(): Engine {
  if (!engine) throw new Error("Cannot use the realm: it was not opened");
  return engine;
}

/** Adds a piece of the next batch's payload, all but the last. */
function addText(text: string): void {
  texts.push(text);
}

/** The buffers belong to the realm from here on. `text` is the payload, or the last piece of it. */
function addBatch(
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
  batches.push({
    ...meta,
    texts: [...takeAll(texts), text],
    textRanges: new Uint32Array(textRanges),
    ranges: new Uint32Array(ranges),
    offsetWords: new Uint32Array(offsetWords),
    invalidRows: new Set(invalidRows),
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
function beginPackedFeed(feedJson: string, words: ArrayBuffer, timesMs: ArrayBuffer): void {
  const { inputs, ...feed } = JSON.parse(feedJson) as { inputs: string[] } & Omit<EngineFeed, "batches" | "segments">;
  const segments = unpackSegments({ words: new Int32Array(words), timesMs: new Float64Array(timesMs), inputs });
  running().begin({ ...feed, segments, batches: takeAll(batches) });
}

const door = {
  describe: describeProcessor,
  open,
  addText,
  addBatch,
  beginPackedFeed,
  restoreState: (text: string, lengths: ArrayBuffer): void =>
    running().state.restore({ text, lengths: new Int32Array(lengths) }),
  restoreTimers: (text: string, lengths: ArrayBuffer): void =>
    running().timers.restore({ text, lengths: new Int32Array(lengths) }),
  copyState: (entriesMax: number, isFirst: boolean): StateEntries => running().state.copy({ entriesMax, isFirst }),
  copyTimers: (entriesMax: number, isFirst: boolean): StateEntries => running().timers.copy({ entriesMax, isFirst }),
  /** Says what the next `go` does: process up to so many units. */
  planRun: (unitsMax: number): void => void (go = () => running().run(unitsMax)),
  planDelivery: (resultsJson: string): void => {
    const results = JSON.parse(resultsJson) as EffectResult[];
    go = () => results.forEach((result) => running().deliver(result));
  },
  planAbandon: (): void => void (go = () => running().abandon()),
  go: (): void => go(),
  status: (): string => running().status,
  records: (): number => running().records,
  takeEffects: (): string => JSON.stringify(running().takeEffects()),
  takeMicrotaskError: (): string => {
    const thrown = takeMicrotaskError();
    return thrown ? String(thrown.error) : "";
  },
  takeResult: (): FeedResult => running().takeResult(),
  /** Seals the realm; the door stays, under the name the host knows. */
  seal: sealGlobal,
};

/** What the host sees of a realm. */
export type Door = typeof door;

/** Puts the door where the host looks for it, who takes it away before anything is processed. */
export function openDoor(processorDefinition: unknown): void {
  definition = processorDefinition;
  Object.defineProperty(globalThis, DOOR, {
    value: Object.freeze(door),
    enumerable: false,
    configurable: true,
  });
}
