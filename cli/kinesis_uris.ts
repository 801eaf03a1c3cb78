/** `kinesis://REGION/STREAM?…` as sources. */

import type { KinesisAddress } from "../adapters/kinesis/client.ts";
import { KinesisSource, type KinesisStart } from "../adapters/kinesis/source.ts";
import type { SourceContext } from "./adapters.ts";
import { checkOptions, numberOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

/** Reads the part of a URI that says where. Credentials come by the SDK's default chain, never from a URI. */
export function kinesisAddressOf(uri: string): KinesisAddress {
  const { path, options } = parseUri(uri);
  const [, region, stream] = /^\/\/([a-z]{2}(?:-[a-z]+)+-\d)\/([A-Za-z0-9_.-]{1,128})$/.exec(path) ?? [];
  if (region === undefined) {
    throw new UsageError(`Cannot use ${uri}: kinesis://REGION/STREAM is wanted, such as kinesis://eu-central-1/orders`);
  }
  const endpoint = options.get("endpoint");
  if (endpoint !== undefined && !URL.canParse(endpoint)) {
    throw new UsageError(`Cannot use ${uri}: its endpoint is no URL; http://127.0.0.1:4568 is one`);
  }
  return { region, stream, ...(endpoint === undefined ? {} : { endpoint }) };
}

/** Opens the stream at `uri` to read it. */
export async function openKinesisSource(uri: string, { isBounded, start }: SourceContext): Promise<KinesisSource> {
  const { options } = parseUri(uri);
  checkOptions(uri, options, ["endpoint", "start", "callsPerSecond"]);
  const callsPerSecond = numberOption(uri, options, "callsPerSecond");
  return await KinesisSource.open({
    ...kinesisAddressOf(uri),
    isBounded,
    start: startOf(uri, start ?? options.get("start")),
    ...(callsPerSecond === undefined ? {} : { callsPerSecond }),
  });
}

/** `earliest`, `latest`, a time; or as kcat says it: `beginning`, `end`, `s@ms`. */
function startOf(uri: string, text = "earliest"): KinesisStart {
  if (text === "earliest" || text === "beginning") return "earliest";
  if (text === "latest" || text === "end") return "latest";
  const [, sinceMs] = /^s@(\d+)$/.exec(text) ?? [];
  const timeMs = sinceMs === undefined ? Date.parse(text.replace(/^time:/, "")) : Number(sinceMs);
  if (Number.isFinite(timeMs)) return { timeMs };
  throw new UsageError(`Cannot use ${uri}: start is ${text}; earliest, latest, a time (ISO 8601) or s@ms is wanted`);
}
