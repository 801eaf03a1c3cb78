/**
 * The trace of a feed: all that its records did besides their outputs. It is hashed, compared and shown.
 *
 * Entries are packed like outputs: one text for all subjects and details, and columns for what delimits them.
 */

import { IntColumn } from "./columns.ts";
import { TextBuffer } from "./text_buffer.ts";

/** The kinds of trace entries, with what subject and detail are. The numbers are part of every digest. */
export const TRACE_KINDS = [
  /** key, JSON value */
  "state set",
  /** key */
  "state deleted",
  /** key, time in ms */
  "timer set",
  /** key */
  "timer cleared",
  /** key, time in ms */
  "timer fired",
  /** name, JSON input */
  "effect",
  /** error name, code */
  "error",
] as const;

/** See {@linkcode TRACE_KINDS}. */
export type TraceKind = typeof TRACE_KINDS[number];

type TraceName = "stateSet" | "stateDeleted" | "timerSet" | "timerCleared" | "timerFired" | "effect" | "error";

/** The number of each kind. */
export const TRACE: Readonly<Record<TraceName, number>> = {
  stateSet: 0,
  stateDeleted: 1,
  timerSet: 2,
  timerCleared: 3,
  timerFired: 4,
  effect: 5,
  error: 6,
};

/** One entry. */
export interface TraceEntry {
  readonly kind: TraceKind;
  readonly subject: string;
  readonly detail: string;
}

/** The trace of a feed; lengths are in UTF-16 code units. */
export interface TraceColumns {
  /** Per entry its subject and its detail, without anything in between; in pieces. */
  readonly text: readonly string[];
  readonly kinds: Int32Array<ArrayBuffer>;
  readonly subjectLengths: Int32Array<ArrayBuffer>;
  readonly detailLengths: Int32Array<ArrayBuffer>;
}

/** Collects trace entries; those of a failed record can be taken back. */
export class Trace {
  readonly #text = new TextBuffer();
  readonly #kinds = new IntColumn();
  readonly #subjectLengths = new IntColumn();
  readonly #detailLengths = new IntColumn();
  /** How many entries there are; for all to read, and for the trace to write. */
  length = 0;
  /** How many of them cannot be taken back. */
  keptLength = 0;

  add(kind: number, subject: string, detail: string): void {
    this.#text.append(subject + detail);
    this.#kinds.push(kind);
    this.#subjectLengths.push(subject.length);
    this.#detailLengths.push(detail.length);
    this.length++;
  }

  /** Keeps the entries of the record under way. */
  keep(): void {
    this.#text.keep();
    this.keptLength = this.length;
  }

  /** Takes back the entries of the record under way, all but its effects: those have been asked for. */
  rollback(): void {
    const { length } = this;
    const kept = this.keptLength;
    const undone = this.#text.rollback();
    this.#truncate(kept);
    let at = 0;
    for (let entry = kept; entry < length; entry++) {
      const subject = undone.slice(at, at += this.#subjectLengths.at(entry));
      const detail = undone.slice(at, at += this.#detailLengths.at(entry));
      if (this.#kinds.at(entry) === TRACE.effect) this.add(TRACE.effect, subject, detail);
    }
  }

  /** Takes everything; the trace is empty afterwards. */
  take(): TraceColumns {
    const columns = {
      text: this.#text.take(),
      kinds: this.#kinds.toArray(),
      subjectLengths: this.#subjectLengths.toArray(),
      detailLengths: this.#detailLengths.toArray(),
    };
    this.#truncate(0);
    this.keptLength = 0;
    return columns;
  }

  #truncate(length: number): void {
    this.length = length;
    for (const column of [this.#kinds, this.#subjectLengths, this.#detailLengths]) column.length = length;
  }
}

/** The entries of `trace`. */
export function traceEntries(trace: TraceColumns): TraceEntry[] {
  const entries: TraceEntry[] = [];
  const text = trace.text.join("");
  let at = 0;
  for (let entry = 0; entry < trace.kinds.length; entry++) {
    const subject = text.slice(at, at += trace.subjectLengths[entry]);
    const detail = text.slice(at, at += trace.detailLengths[entry]);
    entries.push({ kind: TRACE_KINDS[trace.kinds[entry]], subject, detail });
  }
  return entries;
}
