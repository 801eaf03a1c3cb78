/**
 * A cell: one task in a realm, which others that run the same code may share (`realm/residents.ts`).
 *
 * Rules that keep the realm closed (docs/ARCHITECTURE.md, "The sandbox"): no host object ever enters it, only primitives
 * and ArrayBuffers that are made its own; the host never awaits a value of the realm; the processor's code runs only
 * inside `go`, under a time limit. After a time-out the realm may be in any condition and is dropped.
 */

import type { Batch } from "../../engine/batch.ts";
import type { EffectRequest, EffectResult } from "../../engine/effects.ts";
import type { EngineOptions, EngineStatus } from "../../engine/engine.ts";
import { type Feed, type PackedFeed, packFeed, unpackSegments } from "../../engine/feed.ts";
import type { PackedOutputs } from "../../engine/output.ts";
import type { FeedResult } from "../../engine/report.ts";
import type { CopyPart } from "../../engine/state.ts";
import { takeAll } from "../../engine/take_all.ts";
import { type Enclosure, type OlderDoor, RealmEnclosure } from "./enclosure.ts";
import type { Fed, RealmOptions, TaskState } from "./protocol.ts";
import type { Door, ProcessorInfo } from "./realm/guest.ts";
import { decodePayload, encodeBinary, encodeParts } from "./text.ts";

/** How long one guarded run should take, so that the time limit is one of a record and not of a feed. */
const SLICE_TIME_MS = 40;
const SLICE_UNITS_FIRST = 16;
const SLICE_UNITS_MAX = 1 << 16;

/** Entries that move at once when a realm is reborn. */
const REBIRTH_ENTRIES = 100_000;

/** What a cell is made from besides code. */
export type CellOptions = Pick<RealmOptions, "initialTimeMs" | "seed" | "recordTimeMsMax">;

/** The processor ran longer than a record may. */
export class RecordTimeout extends Error {
  override readonly name = "RecordTimeout";
  readonly record: number;
  readonly timeMsMax: number;

  constructor(record: number, timeMsMax: number) {
    super(`Cannot finish record ${record} of the feed: it ran longer than ${timeMsMax} ms`);
    this.record = record;
    this.timeMsMax = timeMsMax;
  }
}

/** One task in its realm. */
export class Cell {
  readonly info: ProcessorInfo;
  readonly #enclosure: Enclosure;
  readonly #door: Door;
  readonly #code: string;
  readonly #options: CellOptions;
  readonly #timeMsMax: number;
  #engineOptions: EngineOptions | undefined;
  #sliceUnits = SLICE_UNITS_FIRST;

  /** @throws whatever the processor's modules throw while they are evaluated, and `TypeError` for a bad definition */
  constructor(code: string, options: CellOptions, enclosure: Enclosure = new RealmEnclosure()) {
    this.#code = code;
    this.#options = options;
    this.#enclosure = enclosure;
    this.#door = enclosure.admit(code, JSON.stringify({ timeMs: options.initialTimeMs, seed: options.seed }));
    this.info = JSON.parse(this.#door.describe()) as ProcessorInfo;
    (this.#door as Partial<OlderDoor>).seal?.();
    this.#timeMsMax = options.recordTimeMsMax;
  }

  /** Whether its realm was spoilt by a neighbour's record that ran too long, or by its own. */
  get isLost(): boolean {
    return this.#enclosure.isSpoilt;
  }

  /** The realm, where a task that runs `code` may come in. */
  placeFor(code: string): Enclosure | undefined {
    return this.#enclosure.takesMore && code === this.#code ? this.#enclosure : undefined;
  }

  /** Makes the cell ready for feeds. */
  open(options: EngineOptions): void {
    const { seed, clock, onError, nowMs, isStarted, notesReads = false, notesOwners = false } = options;
    this.#engineOptions = { seed, clock, onError, nowMs, isStarted, notesReads, notesOwners };
    this.#door.open(JSON.stringify(this.#engineOptions));
  }

  /** A fresh cell with the same code and state: what modules keep in variables is gone, as it is after a restart. */
  reborn(): Cell {
    const cell = new Cell(this.#code, this.#options, this.#enclosure.forAnother());
    cell.open(this.#engineOptions!);
    for (let isFirst = true;; isFirst = false) {
      const part = this.copy({ entriesMax: REBIRTH_ENTRIES, isFirst });
      if (part.state.lengths.length + part.timers.lengths.length === 0) return cell;
      cell.restore(part);
    }
  }

  restore({ state, timers }: TaskState): void {
    this.#door.restoreState(state.text, this.#adopt(state.lengths.slice()));
    this.#door.restoreTimers(timers.text, this.#adopt(timers.lengths.slice()));
  }

  copy({ entriesMax, isFirst }: CopyPart): TaskState {
    return { state: this.#door.copyState(entriesMax, isFirst), timers: this.#door.copyTimers(entriesMax, isFirst) };
  }

  /** Begins a feed; see {@linkcode step}. */
  begin(feed: Feed): void {
    this.beginSent(packFeed(feed));
  }

  /** Like {@linkcode begin}, for a feed as the controller sends it. */
  beginSent({ batches, segments, tickMs, unitsMin, end }: PackedFeed): void {
    for (const batch of batches) this.#addBatch(batch);
    // A journaled bundle may be older than packed segments.
    const older = this.#door as Partial<Door> & Pick<OlderDoor, "beginFeed">;
    if (older.beginPackedFeed === undefined) {
      return older.beginFeed(JSON.stringify({ segments: unpackSegments(segments), tickMs, end }));
    }
    const { words, timesMs, inputs } = segments;
    this.#door.beginPackedFeed(
      JSON.stringify({ inputs, tickMs, unitsMin, end }),
      this.#adopt(words),
      this.#adopt(timesMs),
    );
  }

  /**
   * Processes until the feed is done, has halted, or waits for effects.
   *
   * @throws {RecordTimeout} when a record runs too long; the cell is unusable then
   */
  step(onSlice: () => void): EngineStatus {
    for (;;) {
      const status = this.#door.status() as EngineStatus;
      if (status === "waiting") {
        // Microtasks are drained whenever `go` returns: who still waits without a request waits for nothing.
        if (this.#hasRequests()) return status;
        this.#abandon();
      } else if (status === "ready") {
        this.#runSlice();
        onSlice();
      } else {
        return status;
      }
    }
  }

  /**
   * Like {@linkcode step}, for an enclosure whose microtasks run when the event loop turns, which `turn` waits for.
   */
  async stepInTurns(turn: () => Promise<void>): Promise<EngineStatus> {
    for (;;) {
      await turn();
      const status = this.#door.status() as EngineStatus;
      if (status === "ready") this.#runSlice();
      else if (status !== "waiting" || this.#hasRequests()) return status;
      else this.#abandon();
    }
  }

  #abandon(): void {
    this.#door.planAbandon();
    this.#go();
  }

  readonly #requests: EffectRequest[] = [];

  #hasRequests(): boolean {
    this.#requests.push(...JSON.parse(this.#door.takeEffects()) as EffectRequest[]);
    return this.#requests.length > 0;
  }

  /** Takes the effects the feed waits for. */
  takeRequests(): EffectRequest[] {
    return takeAll(this.#requests);
  }

  /** Hands in the answers, in request order. */
  deliver(results: readonly EffectResult[]): void {
    this.#door.planDelivery(JSON.stringify(results));
    this.#go();
  }

  /** What a microtask of the processor threw, or "". */
  takeMicrotaskError(): string {
    return this.#door.takeMicrotaskError();
  }

  /** Takes what the feed did. */
  takeFed(): Fed {
    const { units, trace, outputs, changes, timerChanges, failures, logs, reads, ...rest } = this.#door
      .takeResult() as FeedResult;
    this.#engineOptions = { ...this.#engineOptions!, nowMs: rest.nowMs, isStarted: rest.isStarted };
    // Arrays of the realm make arrays of the realm; the host keeps to its own.
    return {
      ...rest,
      outputs: this.#pack(outputs),
      units: { records: own(units.records), outputEnds: own(units.outputEnds), traceEnds: own(units.traceEnds) },
      trace: {
        text: Array.from(trace.text),
        kinds: own(trace.kinds),
        subjectLengths: own(trace.subjectLengths),
        detailLengths: own(trace.detailLengths),
        ...(trace.numbers ? { numbers: new Float64Array(trace.numbers.buffer) } : {}),
      },
      changes: { text: changes.text, lengths: own(changes.lengths) },
      timerChanges: { text: timerChanges.text, lengths: own(timerChanges.lengths) },
      failures: Array.from(failures, (failure) => ({ ...failure })),
      logs: Array.from(logs, (line) => ({ ...line })),
      ...(reads ? { reads: Array.from(reads, ({ unit, keys }) => ({ unit, keys: Array.from(keys) })) } : {}),
    };
  }

  #addBatch(batch: Batch): void {
    const { stream, partition, count, offsetWidth } = batch;
    // A journaled bundle may be older than pieces.
    const isInPieces = this.#door.addText !== undefined;
    // Older ones do not say whether they read JSON.
    const { hasJson = false } = this.info;
    const { texts, arrays, rowBits, textRanges, invalidRows } = decodePayload(batch, { isInPieces, hasJson });
    const meta = JSON.stringify({ stream, partition, count, offsetWidth, rowBits, invalidRows });
    for (const text of texts.slice(0, -1)) this.#door.addText(text);
    for (const text of arrays) this.#door.addArray(text);
    this.#door.addBatch(
      meta,
      texts.at(-1) ?? "",
      this.#adopt(textRanges),
      this.#adopt(batch.ranges),
      this.#adopt(batch.offsetWords),
      batch.eventTimesMs && this.#adopt(batch.eventTimesMs),
      this.info.takesBytes ? this.#adopt(batch.bytes) : undefined,
      batch.headers && this.#adopt(batch.headers.bytes),
      batch.headers && this.#adopt(batch.headers.starts),
      batch.headers && this.#adopt(batch.headers.ranges),
    );
    // Everything is text from here on; the collector would find a megabyte outside of its heap late.
    if (!this.info.takesBytes) discard(batch.bytes);
  }

  #pack(outputs: FeedResult["outputs"]): PackedOutputs {
    const keys = encodeParts(Array.from(outputs.keys), outputs.keyLengths, 0);
    const pieces = Array.from(outputs.values);
    const values = this.info.givesBytes
      ? { bytes: encodeBinary(pieces.join("")), lengths: outputs.valueLengths }
      : encodeParts(pieces, outputs.valueLengths, 1);
    return {
      count: outputs.names.length,
      values: values.bytes,
      keys: keys.bytes,
      valueLengths: own(values.lengths),
      keyLengths: own(keys.lengths),
      timesMs: new Float64Array(outputs.timesMs.buffer),
      names: own(outputs.names),
      isSingleLine: this.info.isSingleLine,
      ...(outputs.extras ? { extras: packExtras(outputs.extras) } : {}),
    };
  }

  #runSlice(): void {
    this.#door.planRun(this.#sliceUnits);
    const startMs = performance.now();
    this.#go();
    const tookMs = performance.now() - startMs;
    if (tookMs < SLICE_TIME_MS / 2) this.#sliceUnits = Math.min(this.#sliceUnits * 2, SLICE_UNITS_MAX);
    else if (tookMs > SLICE_TIME_MS) this.#sliceUnits = Math.max(this.#sliceUnits >> 1, 1);
  }

  #go(): void {
    if (this.#enclosure.go(this.#timeMsMax) === "late") throw new RecordTimeout(this.#door.records(), this.#timeMsMax);
  }

  /** Makes a column's buffer one of the realm's own: nothing of the host can be reached from it. */
  #adopt({ buffer, byteOffset, byteLength }: Column): ArrayBuffer {
    // What came over a pipe may be a view into the whole message.
    const isWhole = byteLength === buffer.byteLength;
    return Object.setPrototypeOf(
      isWhole ? buffer : buffer.slice(byteOffset, byteOffset + byteLength),
      this.#enclosure.bufferPrototype,
    );
  }
}

interface Column {
  readonly buffer: ArrayBuffer;
  readonly byteOffset: number;
  readonly byteLength: number;
}

/** Gives back a buffer, unless it holds more than `column`: what came over a pipe is a view into the whole message. */
function discard({ buffer, byteLength }: Uint8Array): void {
  if (buffer instanceof ArrayBuffer && byteLength === buffer.byteLength) buffer.transfer(0);
}

function packExtras(extras: NonNullable<FeedResult["outputs"]["extras"]>): NonNullable<PackedOutputs["extras"]> {
  const { bytes, lengths } = encodeParts(Array.from(extras.headers), extras.headerLengths, 0);
  return { rows: own(extras.rows), partitions: own(extras.partitions), headers: bytes, headerLengths: own(lengths) };
}

/** A typed array of this realm over the same buffer. */
function own({ buffer }: Int32Array<ArrayBuffer>): Int32Array<ArrayBuffer> {
  return new Int32Array(buffer);
}
