/** From URIs to sources and sinks: with `kafka_uris.ts`, `redis_uris.ts`, `kinesis_uris.ts` the only place that knows all adapters. */

import { resolve } from "node:path";
import { FileSink } from "../adapters/file/sink.ts";
import { FileSource, RECORD_BYTES_MAX } from "../adapters/file/source.ts";
import type { PackedOutputs } from "../engine/output.ts";
import type { Sink } from "../adapters/sink.ts";
import type { Source } from "../adapters/source.ts";
import { StdioSink } from "../adapters/stdio/sink.ts";
import { StdioSource } from "../adapters/stdio/source.ts";
import { checkOptions, numberOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** What a source needs to know besides its URI. */
export interface SourceContext {
  /** Whether the run ends with the inputs. */
  readonly isBounded: boolean;
  /** Where to begin, instead of what the URI says. */
  readonly start?: string;
  /** Something a person should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** Opens the source at `uri`. */
export async function openSource(uri: string, context: SourceContext): Promise<Source> {
  const { scheme, path, options } = parseUri(uri);
  // Loaded only when it is needed: a client is large.
  if (scheme === "kafka") return await (await import("./kafka_uris.ts")).openKafkaSource(uri, context);
  if (isRedis(scheme)) return await (await import("./redis_uris.ts")).openRedisSource(uri, context);
  if (scheme === "kinesis") return await (await import("./kinesis_uris.ts")).openKinesisSource(uri, context);
  checkOptions(uri, options, ["key", "time", "recordBytesMax"]);
  if (context.start !== undefined && context.start !== "beginning") {
    throw new UsageError(
      `Cannot begin ${uri} at ${context.start}: files and standard input are read from the beginning`,
    );
  }
  const fields = { key: options.get("key"), time: options.get("time") };
  const recordBytesMax = numberOption(uri, options, "recordBytesMax") ?? RECORD_BYTES_MAX;
  if (scheme === "stdio") return new StdioSource({ fields, recordBytesMax });
  const { isBounded, onNotice } = context;
  return new FileSource({ path, isBounded, fields, recordBytesMax, ...(onNotice ? { onNotice } : {}) });
}

/** What a sink needs to know besides its URI. */
export interface SinkContext {
  /** The run whose outputs it takes. */
  readonly run: string;
  /** Whether other processes have tasks of the run. */
  readonly isShared?: boolean;
  /** Something a person should know, in one line. */
  readonly onNotice: (text: string) => void;
}

/** Opens the sinks of outputs by their URIs; outputs that can be committed together share one. */
export async function openSinks(
  uris: ReadonlyMap<string, string>,
  context: SinkContext,
): Promise<Record<string, Sink>> {
  const sinks: Record<string, Sink> = {};
  try {
    const of = (wanted: (scheme: string) => boolean) => [...uris].filter(([, uri]) => wanted(parseUri(uri).scheme));
    const [kafka, redis, kinesis] = [
      of((scheme) => scheme === "kafka"),
      of(isRedis),
      of((scheme) => scheme === "kinesis"),
    ];
    const together = new Set([...kafka, ...redis, ...kinesis].map(([output]) => output));
    const alone = [...uris].filter(([output]) => !together.has(output));
    // Two that write to one file would write over each other.
    for (const [, [[first, uri], ...others]] of Map.groupBy(alone, ([, uri]) => placeOf(uri))) {
      sinks[first] = await openAlone(uri);
      for (const [output] of others) sinks[output] = sinks[first];
    }
    if (redis.length > 0) Object.assign(sinks, await (await import("./redis_uris.ts")).openRedisSinks(redis, context));
    if (kafka.length > 0) Object.assign(sinks, await (await import("./kafka_uris.ts")).openKafkaSinks(kafka, context));
    if (kinesis.length > 0) {
      Object.assign(sinks, await (await import("./kinesis_uris.ts")).openKinesisSinks(kinesis, context));
    }
    return sinks;
  } catch (error) {
    for (const sink of Object.values(sinks)) await sink.close();
    throw error;
  }
}

/** Writes outputs that belong to no run. */
export interface Writer {
  /** Resolves when all of them are acknowledged. */
  write(outputs: PackedOutputs): Promise<void>;
  close(): void;
}

/** Opens what writes to `uri`. */
export async function openWriter(uri: string): Promise<Writer> {
  const { scheme } = parseUri(uri);
  if (scheme === "kafka") return await (await import("./kafka_uris.ts")).openKafkaWriter(uri);
  if (isRedis(scheme)) return await (await import("./redis_uris.ts")).openRedisWriter(uri);
  if (scheme === "kinesis") return (await import("./kinesis_uris.ts")).openKinesisWriter(uri);
  throw new UsageError(
    `Cannot put to ${uri}: kafka://host:port/topic, redis://host:port/stream or kinesis://region/stream is wanted`,
  );
}

/** Whether Redis is meant, whatever part of it. */
export function isRedis(scheme: string): boolean {
  return scheme.startsWith("redis");
}

/** Where `uri` leads, however it is written. */
function placeOf(uri: string): string {
  const { scheme, path } = parseUri(uri);
  return scheme === "file" ? resolve(path) : scheme;
}

async function openAlone(uri: string): Promise<Sink> {
  const { scheme, path, options } = parseUri(uri);
  checkOptions(uri, options, []);
  if (scheme === "stdio") return new StdioSink();
  if (path.endsWith(".gz")) {
    throw new UsageError(
      `Cannot write ${path}: outputs are not compressed; name a file without .gz, and compress it later`,
    );
  }
  return new FileSink({ path, isFolder: path.endsWith("/") || await isFolder(path) });
}

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isDirectory;
  } catch {
    return false;
  }
}
