/** From URIs to sources and sinks: the only place that knows all adapters. */

import { FileSink } from "../adapters/file/sink.ts";
import { FileSource, RECORD_BYTES_MAX } from "../adapters/file/source.ts";
import type { KafkaStart } from "../adapters/kafka/source.ts";
import type { Sink } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import { StdioSink } from "../adapters/stdio/sink.ts";
import { StdioSource } from "../adapters/stdio/source.ts";
import { resolve } from "@std/path";
import { nearest } from "./nearest.ts";
import { UsageError } from "./usage_error.ts";

/** A URI taken apart. */
export interface ParsedUri {
  readonly scheme: string;
  readonly path: string;
  readonly options: ReadonlyMap<string, string>;
}

const SCHEMES = ["file", "kafka", "stdio"];

/** Takes `uri` apart; `-` is standard input or output, and what has no scheme is a file. */
export function parseUri(uri: string): ParsedUri {
  if (uri === "-") return { scheme: "stdio", path: "", options: new Map() };
  const [, scheme = "file", rest] = /^(?:([A-Za-z][A-Za-z0-9+.-]+):)?(.*)$/s.exec(uri)!;
  if (!SCHEMES.includes(scheme)) {
    const advice = nearest(scheme, SCHEMES);
    throw new UsageError(
      `Cannot use ${uri}: ${scheme}: is no scheme that Sluice knows; known are ${
        SCHEMES.map((s) => `${s}:`).join(", ")
      }` +
        (advice ? `. Did you mean ${advice}:?` : ""),
    );
  }
  const question = rest.lastIndexOf("?");
  const isQuery = question >= 0 && /^[\w-]+=/.test(rest.slice(question + 1));
  const path = (isQuery ? rest.slice(0, question) : rest).replace(/^\/\/(?=\/)/, "");
  if (scheme === "file" && path === "") throw new UsageError(`Cannot use ${uri}: it names no file`);
  return { scheme, path, options: new Map(new URLSearchParams(isQuery ? rest.slice(question + 1) : "")) };
}

/** `uri` in a form that means the same from any folder. */
export function absoluteUri(uri: string): string {
  const { scheme, path, options } = parseUri(uri);
  if (scheme !== "file") return uri;
  const query = new URLSearchParams([...options]).toString();
  return `file:${resolve(path)}${query === "" ? "" : `?${query}`}`;
}

/** What a source needs to know besides its URI. */
export interface SourceContext {
  /** Whether the run ends with the inputs. */
  readonly isBounded: boolean;
}

/** Opens the source at `uri`. */
export async function openSource(uri: string, { isBounded }: SourceContext): Promise<Source> {
  const { scheme, path, options } = parseUri(uri);
  if (scheme === "kafka") {
    checkOptions(uri, options, ["start"]);
    // Loaded only now: clients are large, and most commands need none.
    const [{ KafkaSource }, { parseLocation }] = await Promise.all([
      import("../adapters/kafka/source.ts"),
      import("../adapters/kafka/location.ts"),
    ]);
    const start = startOf(uri, options.get("start"));
    return await KafkaSource.open({ ...parseLocation(path), isBounded, start, environment: Deno.env.toObject() });
  }
  checkOptions(uri, options, ["key", "time", "recordBytesMax"]);
  const fields = { key: options.get("key"), time: options.get("time") };
  const recordBytesMax = numberOption(uri, options, "recordBytesMax") ?? RECORD_BYTES_MAX;
  if (scheme === "stdio") return new StdioSource({ fields, recordBytesMax });
  return new FileSource({ path, isBounded, fields, recordBytesMax });
}

/** `earliest`, `latest`, an offset, or a time. */
function startOf(uri: string, text = "earliest"): KafkaStart {
  if (text === "earliest" || text === "latest") return text;
  if (/^\d+$/.test(text)) return { offset: BigInt(text) };
  const timeMs = Date.parse(text);
  if (Number.isFinite(timeMs)) return { timeMs };
  throw new UsageError(
    `Cannot use ${uri}: start is ${text}; earliest, latest, an offset, or a time (ISO 8601) is wanted`,
  );
}

/** What a sink needs to know besides its URI. */
export interface SinkContext {
  /** The run whose outputs it takes. */
  readonly run: string;
}

/** Opens the sink at `uri`. */
export async function openSink(uri: string, { run }: SinkContext): Promise<Sink> {
  const { scheme, path, options } = parseUri(uri);
  if (scheme === "kafka") {
    checkOptions(uri, options, ["compression"]);
    const [{ KafkaSink }, { parseLocation }, { CODECS }] = await Promise.all([
      import("../adapters/kafka/sink.ts"),
      import("../adapters/kafka/location.ts"),
      import("../adapters/kafka/protocol/compression.ts"),
    ]);
    const compression = choiceOption(uri, options, "compression", CODECS) ?? "none";
    return await KafkaSink.open({ ...parseLocation(path), run, compression, environment: Deno.env.toObject() });
  }
  checkOptions(uri, options, []);
  if (scheme === "stdio") return new StdioSink();
  return new FileSink({ path, isFolder: path.endsWith("/") || await isFolder(path) });
}

function choiceOption<Choice extends string>(
  uri: string,
  options: ReadonlyMap<string, string>,
  name: string,
  choices: readonly Choice[],
): Choice | undefined {
  const text = options.get(name);
  const choice = choices.find((each) => each === text);
  if (choice !== undefined || text === undefined) return choice;
  const advice = nearest(text, choices);
  throw new UsageError(
    `Cannot use ${uri}: ${name} is ${text}, ${choices.join(", ")} are known${
      advice ? `. Did you mean ${advice}?` : ""
    }`,
  );
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}

function checkOptions(uri: string, options: ReadonlyMap<string, string>, known: readonly string[]): void {
  for (const name of options.keys()) {
    if (known.includes(name)) continue;
    const advice = nearest(name, known);
    const has = known.length > 0 ? `its options are ${known.join(", ")}` : "it has no options";
    throw new UsageError(`Cannot use ${uri}: ${name} is unknown, ${has}${advice ? `. Did you mean ${advice}?` : ""}`);
  }
}

function numberOption(uri: string, options: ReadonlyMap<string, string>, name: string): number | undefined {
  const text = options.get(name);
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value <= 0) {
    throw new UsageError(`Cannot use ${uri}: ${name} is ${text}, a whole number above 0 is wanted`);
  }
  return value;
}
