/** `sluice put`: writes lines as records: from standard input or a file, with keys, headers, or as whole envelopes. */

import { type HeadersInit, headersToJson } from "../engine/headers.ts";
import { packOutputs, type UnpackedOutput } from "../formats/unpacked_outputs.ts";
import { openWriter } from "./adapters.ts";
import { counted } from "./counted.ts";
import { EXIT } from "./exit_code.ts";
import { printData, printMessage } from "./output.ts";
import { UsageError } from "./usage_error.ts";

/** The options of `sluice put`. */
export interface PutOptions {
  readonly file?: string;
  readonly keyDelimiter?: string;
  readonly key?: string;
  readonly header: readonly string[];
  readonly partition?: number;
  readonly envelope: boolean;
  readonly json: boolean;
  readonly quiet: boolean;
}

/** So many records, or so much text, in one request. */
const CHUNK_RECORDS = 5000;
const CHUNK_UNITS = 1 << 20;

/** Writes every line; tells how many records were acknowledged, also when one fails. */
export async function putCommand(uri: string, options: PutOptions): Promise<number> {
  const parse = parserOf(options);
  const input = await openInput(options.file);
  const writer = await openWriter(uri);
  let written = 0;
  try {
    for await (const chunk of chunksOf(input, parse)) {
      await writer.write(packOutputs(chunk));
      written += chunk.length;
    }
  } catch (error) {
    if (written > 0) printMessage(`${counted(written, "record")} written before it`);
    throw error;
  } finally {
    writer.close();
  }
  if (options.json) printData(JSON.stringify({ records: written }));
  else if (!options.quiet) printMessage(`${counted(written, "record")} written to ${uri}`);
  return EXIT.ok;
}

async function openInput(file: string | undefined): Promise<ReadableStream<Uint8Array>> {
  if (file === undefined || file === "-") return Deno.stdin.readable;
  try {
    return (await Deno.open(file)).readable;
  } catch (error) {
    const reason = error instanceof Deno.errors.NotFound ? "there is no such file" : (error as Error).message;
    throw new UsageError(`Cannot read ${file}: ${reason}`);
  }
}

type Parse = (line: string, number: number) => UnpackedOutput;

async function* chunksOf(input: ReadableStream<Uint8Array>, parse: Parse): AsyncGenerator<readonly UnpackedOutput[]> {
  let chunk: UnpackedOutput[] = [];
  let units = 0;
  let number = 0;
  for await (const line of linesOf(input)) {
    chunk.push(parse(line, ++number));
    units += line.length;
    if (chunk.length < CHUNK_RECORDS && units < CHUNK_UNITS) continue;
    yield chunk;
    chunk = [];
    units = 0;
  }
  if (chunk.length > 0) yield chunk;
}

async function* linesOf(input: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest: Uint8Array = new Uint8Array(0);
  let lines = 0;
  for await (const bytes of input) {
    const known = new Uint8Array(rest.length + bytes.length);
    known.set(rest);
    known.set(bytes, rest.length);
    const end = known.lastIndexOf(LINE_FEED) + 1;
    rest = known.subarray(end);
    if (end === 0) continue;
    const found = decodeLines(known.subarray(0, end - 1), lines);
    lines += found.length;
    yield* found;
  }
  if (rest.length > 0) yield* decodeLines(rest, lines);
}

const LINE_FEED = 10;

/** What is no text would be replaced by marks that say so, and be lost. */
function decodeLines(bytes: Uint8Array, linesBefore: number): readonly string[] {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: linesBefore > 0 }).decode(bytes).split("\n");
  } catch {
    throw new UsageError(`Cannot put line ${linesBefore + brokenLine(bytes)}: it is no valid UTF-8, text is wanted`);
  }
}

/** The number of the first line that is not UTF-8. */
function brokenLine(bytes: Uint8Array): number {
  const decoder = new TextDecoder("utf-8", { fatal: true });
  let number = 0;
  try {
    for (let at = 0; at <= bytes.length;) {
      number++;
      const found = bytes.indexOf(LINE_FEED, at);
      const end = found === -1 ? bytes.length : found;
      decoder.decode(bytes.subarray(at, end));
      at = end + 1;
    }
  } catch { /* This one. */ }
  return number;
}

function parserOf(options: PutOptions): Parse {
  const { keyDelimiter, key = null, partition } = options;
  const headers = options.header.map(parseHeader);
  const extras = {
    ...(headers.length > 0 ? { headers: headersToJson(headers) } : {}),
    ...(partition === undefined ? {} : { partition }),
  };
  if (options.envelope) return (line, number) => ({ ...extras, ...fromEnvelope(line, number) });
  return (line) => {
    const at = keyDelimiter === undefined ? -1 : line.indexOf(keyDelimiter);
    const [own, value] = at < 0 ? [key, line] : [line.slice(0, at), line.slice(at + keyDelimiter!.length)];
    return { name: 0, key: own, value, timeMs: Date.now(), ...extras };
  };
}

function parseHeader(text: string): readonly [string, string] {
  const equals = text.indexOf("=");
  if (equals <= 0) throw new UsageError(`Cannot use header ${text}: name=value is wanted`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

/** What `sluice tail --json` and `kcat -J` print. */
interface Envelope {
  readonly key?: string | null;
  readonly payload?: unknown;
  readonly ts?: number;
  readonly partition?: number;
  readonly headers?: readonly (string | null)[];
}

function fromEnvelope(line: string, number: number): UnpackedOutput {
  let envelope: Envelope;
  try {
    envelope = JSON.parse(line);
  } catch (error) {
    throw new UsageError(`Cannot put line ${number}: it is no JSON (${(error as Error).message})`);
  }
  if (typeof envelope !== "object" || envelope === null || envelope.payload === undefined) {
    throw new UsageError(`Cannot put line ${number}: it is no envelope; {"key": …, "payload": …} is wanted`);
  }
  const { key = null, payload, ts, headers } = envelope;
  const pairs = headers &&
    headers.flatMap((name, i) => i % 2 === 0 ? [[String(name), headers[i + 1] ?? null] as const] : []);
  return {
    name: 0,
    key: key === null ? null : String(key),
    value: payload === null || typeof payload === "string" ? payload : JSON.stringify(payload),
    timeMs: ts !== undefined && ts >= 0 ? ts : Date.now(),
    ...(pairs ? { headers: headersToJson(pairs as HeadersInit) } : {}),
  };
}
