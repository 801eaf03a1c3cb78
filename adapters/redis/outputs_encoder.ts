/** The outputs of a feed as arguments of the script that commits them (`COMMIT` in `scripts.ts`). */

import { type Extra, ExtraReader } from "../../formats/extra_reader.ts";
import { partitionOfKey } from "../../formats/murmur2.ts";
import { type Commit, SinkError } from "../sink.ts";
import { generalEntry, NoEntry } from "./general_entry.ts";
import { BulkWriter } from "./protocol/bulk_writer.ts";
import { offsetOf } from "./protocol/entries.ts";
import type { PlacedTarget, Targets } from "./targets.ts";

const HAS_VALUE = 1;
const HAS_KEY = 2;
const IS_GENERAL = 4;
const TARGET = 8;

/** What was encoded. */
export interface EncodedOutputs {
  /** How many words. */
  readonly words: number;
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** By part of a target, where outputs bring their ids. */
  readonly firstIds: ReadonlyMap<number, string>;
}

/**
 * Encodes the outputs of `commit` without an object per record, as long as they have neither headers nor ids.
 *
 * @throws {SinkError} for an output that cannot become what its target holds
 */
export function encodeOutputs(commit: Commit, targets: Targets): EncodedOutputs {
  return new OutputsEncoder(commit, targets).encode();
}

/** Stands at one output. */
class OutputsEncoder {
  readonly #commit: Commit;
  readonly #placed: readonly (PlacedTarget | undefined)[];
  readonly #writer: BulkWriter;
  readonly #keyView: DataView;
  readonly #firstIds = new Map<number, string>();
  readonly #lastIds = new Map<number, bigint>();
  #runCode = -1;
  #runAt = -1;
  #runOutputs = 0;
  #output = 0;
  #keyAt = 0;
  #valueAt = 0;

  constructor(commit: Commit, targets: Targets) {
    const { keys, values, count } = commit.outputs;
    this.#commit = commit;
    this.#placed = commit.outputNames.map((name) => targets.of(name));
    this.#writer = new BulkWriter(3 * count, keys.length + values.length);
    this.#keyView = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
  }

  encode(): EncodedOutputs {
    const { count, names, extras } = this.#commit.outputs;
    const reader = extras && new ExtraReader(extras);
    for (; this.#output < count; this.#output++) {
      const placed = this.#placed[names[this.#output]]!;
      const extra = reader?.at(this.#output);
      const part = placed.index + (placed.parts === 1 ? 0 : this.#partOf(placed.parts, extra));
      if (isGeneral(placed, extra)) this.#addGeneral(part, placed, extra?.headers);
      else this.#add(part, placed);
      this.#keyAt += Math.max(this.#keyLength, 0);
      this.#valueAt += Math.max(this.#valueLength, 0) + 1;
    }
    this.#endRun();
    return { words: this.#writer.words, bytes: this.#writer.written, firstIds: this.#firstIds };
  }

  get #keyLength(): number {
    return this.#commit.outputs.keyLengths[this.#output];
  }

  get #valueLength(): number {
    return this.#commit.outputs.valueLengths[this.#output];
  }

  /** The output is of the kind `code`. */
  #inRun(code: number): void {
    if (code !== this.#runCode) {
      this.#endRun();
      this.#runCode = code;
      this.#runOutputs = 0;
      this.#writer.number(code);
      this.#runAt = this.#writer.later();
    }
    this.#runOutputs++;
  }

  #endRun(): void {
    if (this.#runAt >= 0) this.#writer.set(this.#runAt, this.#runOutputs);
  }

  /** The key decides as it does for Kafka; without one, the feed. */
  #partOf(parts: number, extra: Extra | undefined): number {
    const named = extra?.partition;
    if (named !== undefined) {
      if (named < parts) return named;
      throw this.#refuse("E_NO_PARTITION", `it is to go to part ${named}, the stream has ${parts}`);
    }
    if (this.#keyLength < 0) return this.#commit.seq % parts;
    return partitionOfKey(this.#keyView, this.#keyAt, this.#keyAt + this.#keyLength, parts);
  }

  #add(part: number, { target: { kind, fields } }: PlacedTarget): void {
    const hasKey = this.#keyLength >= 0 && (kind === "hash" || (kind === "stream" && fields.key !== undefined));
    const hasValue = this.#valueLength >= 0;
    if (kind === "hash" && !hasKey) throw this.#refuse("E_NO_KEY", "it has no key, and a hash has a value per key");
    if (kind !== "hash" && !hasKey && !hasValue) throw this.#refuse("E_NO_FIELD", NOTHING[kind]);
    this.#inRun(TARGET * part + (hasKey ? HAS_KEY : 0) + (hasValue ? HAS_VALUE : 0));
    const { keys, values } = this.#commit.outputs;
    if (hasKey) this.#writer.bytes(keys, this.#keyAt, this.#keyAt + this.#keyLength);
    if (hasValue) this.#writer.bytes(values, this.#valueAt, this.#valueAt + this.#valueLength);
  }

  #addGeneral(part: number, { target }: PlacedTarget, headers: string | undefined): void {
    const { keys, values } = this.#commit.outputs;
    const { id, words } = this.#orRefuse(() =>
      generalEntry({
        target,
        headers,
        key: textOf(keys, this.#keyAt, this.#keyLength),
        value: textOf(values, this.#valueAt, this.#valueLength),
      })
    );
    if (words.length === 0) throw this.#refuse("E_NO_FIELD", NOTHING.stream);
    if (id !== undefined) this.#noteId(part, id);
    this.#inRun(TARGET * part + IS_GENERAL);
    this.#writer.word(id ?? "");
    this.#writer.number(words.length);
    for (const word of words) this.#writer.word(word);
  }

  /** The server would refuse an id that is not above the last, after it wrote the entries before it. */
  #noteId(part: number, id: string): void {
    const offset = offsetOf(id);
    const last = this.#lastIds.get(part);
    if (last !== undefined && offset <= last) {
      throw this.#refuse("E_ENTRY_ID", `its id ${id} is not above the one before`);
    }
    this.#lastIds.set(part, offset);
    if (last === undefined) this.#firstIds.set(part, id);
  }

  #orRefuse<T>(work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof NoEntry) throw this.#refuse(error.code, error.message);
      throw error;
    }
  }

  #refuse(code: string, reason: string): SinkError {
    const { task, seq } = this.#commit;
    const message = `Cannot write output ${this.#output} of feed ${seq}, task ${task}: ${reason}`;
    return new SinkError(message, { code, task, seq });
  }
}

const NOTHING = {
  stream: "it has neither key nor value, and a Redis entry has at least one field",
  list: "it has no value, and an element of a list is one",
  channel: "it has no value, and a message is one",
} as const;

function isGeneral({ target: { kind, fields, idHeader } }: PlacedTarget, extra: Extra | undefined): boolean {
  if (kind !== "stream") return false;
  return extra?.headers !== undefined || idHeader !== undefined || fields.value === undefined;
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array, at: number, length: number): string | null {
  return length < 0 ? null : decoder.decode(bytes.subarray(at, at + length));
}
