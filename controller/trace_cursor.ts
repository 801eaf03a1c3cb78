/**
 * The trace of a feed as its digests take it in: entry by entry, subject and detail as one piece of UTF-8.
 *
 * The keys of the feed's changes lie apart from each other: the digits of a value are written right behind its key.
 */

import type { Digest } from "../engine/digest.ts";
import type { StateEntries } from "../engine/state.ts";
import { changeOf, TRACE, type TraceColumns } from "../engine/trace.ts";
import { encodeParts } from "./sandbox/text.ts";

/** No number is longer than `-1.2345678901234567e-308`. */
const NUMBER_BYTES_MAX = 24;
/** Below it, digits are a matter of dividing by ten. */
const SMALL = 1_000_000_000;

/** See the module. */
export class TraceCursor {
  readonly #trace: TraceColumns;
  readonly #view: DataView;
  readonly #lengths: Int32Array;
  readonly #keys: ChangedKeys;
  #entry = 0;
  #at = 0;
  #number = 0;

  constructor(trace: TraceColumns, changes: StateEntries) {
    const { subjectLengths, detailLengths, text } = trace;
    const units = subjectLengths.map((length, i) => Math.max(length, 0) + detailLengths[i]);
    const { bytes, lengths } = encodeParts(text, units, 0);
    this.#trace = trace;
    this.#view = new DataView(bytes.buffer);
    this.#lengths = lengths;
    this.#keys = new ChangedKeys(subjectLengths.some((length) => length < 0) ? changes : NO_CHANGES);
  }

  absorbUpTo(end: number, digest: Digest): void {
    const { kinds, subjectLengths, detailLengths } = this.#trace;
    for (; this.#entry < end; this.#entry++) {
      const entry = this.#entry;
      if (subjectLengths[entry] < 0) {
        this.#absorbChange(kinds[entry], changeOf(subjectLengths[entry]), digest);
      } else {
        digest.updateWords(kinds[entry], subjectLengths[entry], detailLengths[entry], 0);
        digest.update(this.#view, this.#at, this.#at += this.#lengths[entry]);
      }
    }
  }

  #absorbChange(kind: number, change: number, digest: Digest): void {
    const { view, starts, ends, units } = this.#keys;
    const keyEnd = ends[change];
    const end = kind === TRACE.stateSet ? this.#keys.write(this.#trace.numbers![this.#number++], keyEnd) : keyEnd;
    digest.updateWords(kind, units[change], end - keyEnd, 0);
    digest.update(view, starts[change], end);
  }
}

const NO_CHANGES: StateEntries = { text: "", lengths: new Int32Array(0) };

/** The keys that a feed changed, as bytes, with room for a number behind each. */
class ChangedKeys {
  readonly view: DataView;
  readonly starts: Int32Array;
  readonly ends: Int32Array;
  /** Their lengths in UTF-16 code units. */
  readonly units: Int32Array;
  readonly #bytes: Uint8Array;

  constructor(changes: StateEntries) {
    const { bytes, lengths } = encodeParts([changes.text], changes.lengths, 0);
    const count = lengths.length / 2;
    this.#bytes = new Uint8Array(bytes.length + count * NUMBER_BYTES_MAX);
    this.view = new DataView(this.#bytes.buffer);
    this.units = changes.lengths.filter((_, i) => i % 2 === 0);
    this.starts = new Int32Array(count);
    this.ends = new Int32Array(count);
    let from = 0;
    let to = 0;
    for (let change = 0; change < count; change++) {
      const length = lengths[2 * change];
      this.#bytes.set(bytes.subarray(from, from + length), to);
      this.starts[change] = to;
      this.ends[change] = to += length;
      to += NUMBER_BYTES_MAX;
      from += length + Math.max(lengths[2 * change + 1], 0);
    }
  }

  /** Writes `value` as JSON has it, which is ASCII; answers where it ends. */
  write(value: number, at: number): number {
    if (value >= 0 && value < SMALL && Number.isInteger(value)) return this.#writeDigits(value, at);
    const text = String(value);
    for (let i = 0; i < text.length; i++) this.#bytes[at + i] = text.charCodeAt(i);
    return at + text.length;
  }

  #writeDigits(value: number, at: number): number {
    let end = at + 1;
    for (let rest = value; rest >= 10; rest = rest / 10 | 0) end++;
    let rest = value;
    for (let i = end - 1; i >= at; i--) {
      this.#bytes[i] = 0x30 + rest % 10;
      rest = rest / 10 | 0;
    }
    return end;
  }
}
