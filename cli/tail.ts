/** `sluice tail`: prints the records of a stream as they are, with kcat's offsets, formats and envelope. */

import type { Source, SourcePartition } from "../adapters/source.ts";
import { ABSENT, type Batch, offsetAt } from "../engine/batch.ts";
import { RecordHeaders } from "../engine/headers.ts";
import { openSource } from "./adapters.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage, printText } from "./output.ts";
import { listenForSignals } from "./signals.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `sluice tail`. */
export interface TailOptions {
  readonly offset?: string;
  readonly exit: boolean;
  readonly count?: number;
  readonly partition?: string;
  readonly format?: string;
  readonly json: boolean;
}

const BATCH_RECORDS_MAX = 1000;
const BATCH_BYTES_MAX = 1 << 20;
const SHUTDOWN_MS = 1000;

/** Prints records until there are no more, enough were printed, or a signal says so. */
export async function tailCommand(uri: string, options: TailOptions): Promise<number> {
  const start = options.offset === undefined ? {} : { start: options.offset };
  const source = await openSource(uri, { isBounded: options.exit, ...start, onNotice: printMessage });
  const print = printerOf(options, (offset) => source.positionText?.(offset) ?? String(offset));
  const signals = listenForSignals(SHUTDOWN_MS);
  try {
    const printed = new Printed(options.count ?? Infinity, signals.stop);
    const partitions = await chosenPartitions(uri, source, options.partition);
    await Promise.all(partitions.map((at) => tailPartition(source, at, printed, print)));
    return signals.exitCode ?? EXIT.ok;
  } finally {
    signals.close();
    await source.close();
  }
}

async function chosenPartitions(
  uri: string,
  source: Source,
  wanted: string | undefined,
): Promise<readonly SourcePartition[]> {
  const all = await source.partitions();
  const chosen = all.filter(({ partition }) => wanted === undefined || partition === wanted);
  if (chosen.length > 0 || wanted === undefined) return chosen;
  const names = [...new Set(all.map(({ partition }) => partition))].join(", ");
  throw new UsageError(`Cannot tail partition ${wanted} of ${uri}: its partitions are ${names}`);
}

/** How many records may still be printed; one count for all partitions. */
class Printed {
  #left: number;
  readonly #done = new AbortController();
  readonly signal: AbortSignal;

  constructor(count: number, stop: AbortSignal) {
    this.#left = count;
    this.signal = AbortSignal.any([stop, this.#done.signal]);
  }

  get isDone(): boolean {
    return this.signal.aborted;
  }

  count(): void {
    if (--this.#left <= 0) this.#done.abort();
  }
}

/** A partition that ends before the offset that was asked for has nothing to print yet. */
async function startOf(source: Source, at: SourcePartition): Promise<bigint> {
  try {
    return await source.start(at);
  } catch (error) {
    const end = (error as { readonly code?: unknown }).code === "E_START" ? await source.latest?.(at) : undefined;
    if (end === undefined) throw error;
    return end;
  }
}

type Print = (batch: Batch, row: number) => void;

async function tailPartition(source: Source, at: SourcePartition, printed: Printed, print: Print): Promise<void> {
  for (let position = await startOf(source, at); !printed.isDone;) {
    const result = await source.read(at, position, { recordsMax: BATCH_RECORDS_MAX, bytesMax: BATCH_BYTES_MAX });
    switch (result.kind) {
      case "batch":
        for (let row = 0; row < result.batch.count && !printed.isDone; row++) {
          print(result.batch, row);
          printed.count();
        }
        position = result.batch.next;
        break;
      case "gap":
        position = result.to;
        break;
      case "idle":
        await source.waitForMore([at], printed.signal);
        break;
      case "ended":
      case "closed":
        return;
      default:
        result satisfies never;
    }
  }
}

type OffsetText = (offset: bigint) => string;

function printerOf({ json, format }: TailOptions, offsetText: OffsetText): Print {
  if (json) return (batch, row) => printData(envelopeOf(batch, row, offsetText));
  const parts = format === undefined ? undefined : parseFormat(format);
  if (!parts) return (batch, row) => printData(textAt(batch, row, VALUE) ?? "null");
  return (batch, row) =>
    printText(parts.map((part) => typeof part === "string" ? part : part(batch, row, offsetText)).join(""));
}

const KEY = 0;
const VALUE = 2;
const decoder = new TextDecoder("utf-8", { fatal: true });
const lossyDecoder = new TextDecoder();
let hasWarned = false;

function textAt({ ranges, bytes }: Batch, row: number, field: typeof KEY | typeof VALUE): string | null {
  const start = ranges[4 * row + field];
  return start === ABSENT ? null : textOf(bytes.subarray(start, ranges[4 * row + field + 1]));
}

function textOf(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    if (!hasWarned) printMessage("Some of this is no valid UTF-8: \ufffd stands for what cannot be printed");
    hasWarned = true;
    return lossyDecoder.decode(bytes);
  }
}

function sizeAt({ ranges }: Batch, row: number, field: typeof KEY | typeof VALUE): string {
  const start = ranges[4 * row + field];
  return String(start === ABSENT ? -1 : ranges[4 * row + field + 1] - start);
}

function timeAt({ eventTimesMs }: Batch, row: number): number {
  const timeMs = eventTimesMs?.[row] ?? NaN;
  return Number.isFinite(timeMs) ? timeMs : -1;
}

/** The names are those of `kcat -J`. */
function envelopeOf(batch: Batch, row: number, offsetText: OffsetText): string {
  const headers = [...new RecordHeaders(batch.headers, row)];
  const partition = Number(batch.partition);
  return JSON.stringify({
    topic: batch.stream,
    partition: Number.isInteger(partition) ? partition : batch.partition,
    offset: jsonOffset(offsetText(offsetAt(batch, row))),
    tstype: "create",
    ts: timeAt(batch, row),
    ...(headers.length > 0 ? { headers: headers.flatMap(([name, value]) => [name, value && textOf(value)]) } : {}),
    key: textAt(batch, row, KEY),
    payload: textAt(batch, row, VALUE),
  });
}

/** A number where it is one, and exact. */
function jsonOffset(offset: string): number | string {
  const number = Number(offset);
  return Number.isSafeInteger(number) ? number : offset;
}

type Token = (batch: Batch, row: number, offsetText: OffsetText) => string;

/** The tokens of `kcat -f`. */
const TOKENS: Readonly<Record<string, Token>> = {
  s: (batch, row) => textAt(batch, row, VALUE) ?? "",
  S: (batch, row) => sizeAt(batch, row, VALUE),
  k: (batch, row) => textAt(batch, row, KEY) ?? "",
  K: (batch, row) => sizeAt(batch, row, KEY),
  t: (batch) => batch.stream,
  p: (batch) => batch.partition,
  o: (batch, row, offsetText) => offsetText(offsetAt(batch, row)),
  T: (batch, row) => String(timeAt(batch, row)),
  h: (batch, row) =>
    [...new RecordHeaders(batch.headers, row)].map(([name, value]) => `${name}=${value ? textOf(value) : "NULL"}`)
      .join(","),
  "%": () => "%",
};

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", "\\": "\\", "0": "\0" };

function parseFormat(format: string): readonly (string | Token)[] {
  const parts: (string | Token)[] = [];
  for (const [whole, token, escape] of format.matchAll(/%(.?)|\\(.)|[^%\\]+|\\$/gs)) {
    if (token !== undefined) {
      if (!(token in TOKENS)) {
        throw new UsageError(
          `Cannot use format ${format}: %${token} is unknown; known are %${Object.keys(TOKENS).join(" %")}`,
        );
      }
      parts.push(TOKENS[token]);
    } else parts.push(escape === undefined ? whole : ESCAPES[escape] ?? whole);
  }
  return parts;
}
