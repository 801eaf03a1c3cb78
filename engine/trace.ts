/**
 * The trace of a feed: all that its records did besides their outputs. It is hashed, compared and shown.
 *
 * Entries are packed like outputs: one text for all subjects and details, and columns for what delimits them. A key that
 * is set to a number, or deleted, is told by its place among the feed's changes, which hold it anyway: a record that
 * counts writes numbers and no text.
 */

import { FloatColumn, IntColumn } from "./columns.ts";
import type { StateEntries } from "./state.ts";
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
  /** Below 0 where the text has nothing of the entry: it is about a change of its feed, see {@linkcode changeOf}. */
  readonly subjectLengths: Int32Array<ArrayBuffer>;
  readonly detailLengths: Int32Array<ArrayBuffer>;
  /** What keys were set to by the entries about changes, in order; absent in what older bundles answer. */
  readonly numbers?: Float64Array<ArrayBuffer>;
}

/** Which of its feed's changes an entry is about, by its subject length, and the other way round. */
export function changeOf(subjectLength: number): number {
  return -1 - subjectLength;
}

/** Collects trace entries; those of a failed record can be taken back. */
export class Trace {
  readonly #text = new TextBuffer();
  readonly #kinds = new IntColumn();
  readonly #subjectLengths = new IntColumn();
  readonly #detailLengths = new IntColumn();
  readonly #numbers = new FloatColumn();
  #keptNumbers = 0;
  /** How many entries there are; for all to read, and for the trace to write. */
  length = 0;
  /** How many of them cannot be taken back. */
  keptLength = 0;

  add(kind: number, subject: string, detail: string): void {
    this.#text.append(subject + detail);
    this.#push(kind, subject.length, detail.length);
  }

  /** The key of the feed's change number `change` was set to a number. */
  addNumber(change: number, value: number): void {
    this.#numbers.push(value);
    this.#push(TRACE.stateSet, changeOf(change), 0);
  }

  /** The key of the feed's change number `change` was deleted. */
  addDeleted(change: number): void {
    this.#push(TRACE.stateDeleted, changeOf(change), 0);
  }

  #push(kind: number, subjectLength: number, detailLength: number): void {
    this.#kinds.push(kind);
    this.#subjectLengths.push(subjectLength);
    this.#detailLengths.push(detailLength);
    this.length++;
  }

  /** Keeps the entries of the record under way. */
  keep(): void {
    this.#text.keep();
    this.keptLength = this.length;
    this.#keptNumbers = this.#numbers.length;
  }

  /** Takes back the entries of the record under way, all but its effects: those have been asked for. */
  rollback(): void {
    const { length } = this;
    const kept = this.keptLength;
    const undone = this.#text.rollback();
    this.#truncate(kept);
    let at = 0;
    for (let entry = kept; entry < length; entry++) {
      const subject = undone.slice(at, at += Math.max(this.#subjectLengths.at(entry), 0));
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
      numbers: this.#numbers.toArray(),
    };
    this.keptLength = this.#keptNumbers = 0;
    this.#truncate(0);
    return columns;
  }

  #truncate(length: number): void {
    this.length = length;
    this.#numbers.length = this.#keptNumbers;
    for (const column of [this.#kinds, this.#subjectLengths, this.#detailLengths]) column.length = length;
  }
}

/** The entries of `trace`; `changes` are those of the same feed. */
export function traceEntries(trace: TraceColumns, changes: StateEntries): TraceEntry[] {
  const { kinds, subjectLengths, detailLengths, numbers } = trace;
  const text = trace.text.join("");
  const keys = keysOf(changes);
  let at = 0;
  let number = 0;
  return Array.from(kinds, (kind, entry) => {
    const subjectLength = subjectLengths[entry];
    if (subjectLength < 0) {
      const detail = kind === TRACE.stateSet ? String(numbers![number++]) : "";
      return { kind: TRACE_KINDS[kind], subject: keys[changeOf(subjectLength)], detail };
    }
    const subject = text.slice(at, at += subjectLength);
    return { kind: TRACE_KINDS[kind], subject, detail: text.slice(at, at += detailLengths[entry]) };
  });
}

function keysOf({ text, lengths }: StateEntries): string[] {
  const keys: string[] = [];
  let at = 0;
  for (let change = 0; change < lengths.length; change += 2) {
    keys.push(text.slice(at, at + lengths[change]));
    at += lengths[change] + Math.max(lengths[change + 1], 0);
  }
  return keys;
}
