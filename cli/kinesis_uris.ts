/** `kinesis://REGION/STREAM?…` as sources and sinks. docs/KINESIS.md explains every option. */

import type { KinesisAddress } from "../adapters/kinesis/client.ts";
import { KinesisSource, type KinesisStart } from "../adapters/kinesis/source.ts";
import { KinesisSink, type KinesisSinkOptions, type RecordFormat } from "../adapters/kinesis/sink.ts";
import { KinesisWriter } from "../adapters/kinesis/writer.ts";
import type { Sink } from "../adapters/sink.ts";
import type { SinkContext, SourceContext } from "./adapters.ts";
import { checkOptions, numberOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** A region, and maybe a stream of it. */
export interface KinesisPlace extends Omit<KinesisAddress, "stream"> {
  readonly stream?: string;
}

/** Reads the part of a URI that says where. Credentials come by the SDK's default chain, never from a URI. */
export function kinesisPlaceOf(uri: string): KinesisPlace {
  const { path, options } = parseUri(uri);
  const [, region, stream] = /^\/\/([a-z]{2}(?:-[a-z]+)+-\d)(?:\/([A-Za-z0-9_.-]{1,128})?)?$/.exec(path) ?? [];
  if (region === undefined) throw noPlace(uri);
  const endpoint = options.get("endpoint");
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new UsageError(`Cannot use ${uri}: its endpoint is no URL; http://127.0.0.1:4568 is one`);
  }
  return { region, ...(stream === undefined ? {} : { stream }), ...(endpoint === undefined ? {} : { endpoint }) };
}

/** Like {@linkcode kinesisPlaceOf}, of a stream. */
export function kinesisAddressOf(uri: string): KinesisAddress {
  const { stream, ...place } = kinesisPlaceOf(uri);
  if (stream === undefined) throw noPlace(uri);
  return { ...place, stream };
}

function noPlace(uri: string): UsageError {
  return new UsageError(
    `Cannot use ${uri}: kinesis://REGION/STREAM is wanted, such as kinesis://eu-central-1/orders`,
  );
}

/** Opens the stream at `uri` to read it. */
export async function openKinesisSource(
  uri: string,
  { isBounded, start, onNotice }: SourceContext,
): Promise<KinesisSource> {
  const { options } = parseUri(uri);
  checkOptions(uri, options, ["endpoint", "start", "callsPerSecond", "dedupe"]);
  const dedupe = options.get("dedupe");
  if (dedupe !== undefined && dedupe !== "sluice") {
    throw new UsageError(
      `Cannot use ${uri}: dedupe is ${dedupe}; sluice is wanted, which tells repeats by Sluice's ids`,
    );
  }
  const callsPerSecond = numberOption(uri, options, "callsPerSecond");
  return await KinesisSource.open({
    ...kinesisAddressOf(uri),
    isBounded,
    start: startOf(uri, start ?? options.get("start")),
    withoutRepeats: dedupe === "sluice",
    ...(onNotice ? { onNotice } : {}),
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
  });
}

/** `earliest`, `latest`, a time; or as kcat says it: `beginning`, `end`, `s@ms`. */
function startOf(uri: string, text = "earliest"): KinesisStart {
  if (text === "earliest" || text === "beginning") return "earliest";
  if (text === "latest" || text === "end") return "latest";
  const [, sinceMs] = /^s@(\d+)$/.exec(text) ?? [];
  const iso = /^(?:time:)?(\d{4}-.+)$/.exec(text)?.[1];
  const timeMs = sinceMs !== undefined ? Number(sinceMs) : iso !== undefined ? Date.parse(iso) : NaN;
  if (Number.isFinite(timeMs)) return { timeMs };
  throw new UsageError(`Cannot use ${uri}: start is ${text}; earliest, latest, a time (ISO 8601) or s@ms is wanted`);
}

/** Opens the streams of several outputs; those of one URI share a sink. */
export async function openKinesisSinks(
  outputs: readonly (readonly [output: string, uri: string])[],
  { onNotice }: SinkContext,
): Promise<Record<string, Sink>> {
  const sinks: Record<string, Sink> = {};
  for (const [uri, those] of Map.groupBy(outputs, ([, uri]) => uri)) {
    const options = sinkOptionsOf(uri);
    const sink = await KinesisSink.open(options);
    onNotice(`${sink.description}: ${PROMISES[options.format ?? "aggregated"]}`);
    for (const [output] of those) sinks[output] = sink;
  }
  return sinks;
}

const PROMISES: Readonly<Record<RecordFormat, string>> = {
  aggregated:
    "outputs arrive at least once, in the order of their keys; after a crash or a lost answer some come twice, with " +
    "the same id: a run that reads them with ?dedupe=sluice has each once. Records are aggregated, as by Amazon's producer " +
    "library; ?records=plain writes each by itself",
  plain:
    "outputs arrive at least once, in the order of their keys; after a crash or a lost answer some come twice, and have " +
    "no ids to tell; ?records=aggregated gives them ids",
};

/** What a URI says of a stream to write to. */
export function sinkOptionsOf(uri: string): KinesisSinkOptions {
  const { options } = parseUri(uri);
  const sizes = ["recordBytesMax", "requestBytesMax", "aggregateBytesMax"];
  checkOptions(uri, options, ["endpoint", "records", ...sizes]);
  const format = options.get("records");
  if (format !== undefined && format !== "aggregated" && format !== "plain") {
    throw new UsageError(`Cannot use ${uri}: records is ${format}; aggregated or plain is wanted`);
  }
  const given = sizes.map((name) => [name, numberOption(uri, options, name)]).filter(([, value]) =>
    value !== undefined
  );
  return { ...kinesisAddressOf(uri), ...(format ? { format } : {}), ...Object.fromEntries(given) };
}

/** Opens what `sluice put` writes to. */
export function openKinesisWriter(uri: string): KinesisWriter {
  checkOptions(uri, parseUri(uri).options, ["endpoint"]);
  return new KinesisWriter(kinesisAddressOf(uri));
}
