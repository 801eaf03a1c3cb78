/** `redis://host:port/stream?…` as sources and sinks. */

import type { ServerAddress } from "../adapters/redis/protocol/connection.ts";
import type { EntryFields } from "../adapters/redis/protocol/entries.ts";
import { RedisSink } from "../adapters/redis/sink.ts";
import { RedisSource, type RedisStart } from "../adapters/redis/source.ts";
import type { Sink } from "../adapters/sink.ts";
import type { SinkContext, SourceContext } from "./adapters.ts";
import { checkOptions, numberOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

const PORT = 6379;
const VALUE_FIELD = "v";
/** What source and sink have in common. */
const OPTIONS = ["field", "key", "db"];

interface RedisLocation {
  readonly address: ServerAddress;
  readonly streams: readonly string[];
  readonly fields: EntryFields;
}

/** Opens the streams at `uri` to read them. */
export async function openRedisSource(uri: string, { isBounded, start }: SourceContext): Promise<RedisSource> {
  const { options } = parseUri(uri);
  checkOptions(uri, options, [...OPTIONS, "start"]);
  return await RedisSource.open({ ...locationOf(uri), isBounded, start: startOf(uri, start ?? options.get("start")) });
}

/** Opens the streams of several outputs; those of one server are written by one script. */
export async function openRedisSinks(
  outputs: readonly (readonly [output: string, uri: string])[],
  { run }: SinkContext,
): Promise<Record<string, Sink>> {
  const locations = outputs.map(([output, uri]) => {
    checkOptions(uri, parseUri(uri).options, OPTIONS);
    const location = locationOf(uri);
    if (location.streams.length !== 1) {
      throw new UsageError(`Cannot use ${uri}: one stream is wanted, it names ${location.streams.length}`);
    }
    return { output, ...location };
  });
  const sinks: Record<string, Sink> = {};
  for (const together of Map.groupBy(locations, ({ address, fields }) => JSON.stringify([address, fields])).values()) {
    const [{ address, fields }] = together;
    const streams = new Map(together.map(({ output, streams: [stream] }) => [output, stream]));
    const sink = await RedisSink.open({ address, fields, streams, run });
    for (const { output } of together) sinks[output] = sink;
  }
  return sinks;
}

/** The user and the password come from the environment: arguments are seen by everyone on the machine. */
function locationOf(uri: string): RedisLocation {
  const { scheme, path, options } = parseUri(uri);
  const [, host, port, names] = /^\/\/([^/:]+)(?::(\d+))?\/(.+)$/.exec(path) ?? [];
  if (host === undefined) throw new UsageError(`Cannot use ${uri}: ${scheme}://host:port/stream is wanted`);
  const db = options.get("db") === "0" ? 0 : numberOption(uri, options, "db");
  const { REDIS_USERNAME: username, REDIS_PASSWORD: password } = Deno.env.toObject();
  const key = options.get("key");
  return {
    address: {
      host,
      port: Number(port ?? PORT),
      ...(scheme === "rediss" ? { tls: {} } : {}),
      ...(db === undefined ? {} : { db }),
      ...(username ? { username } : {}),
      ...(password ? { password } : {}),
    },
    streams: names.split(",").map(decodeURIComponent),
    fields: { value: options.get("field") ?? VALUE_FIELD, ...(key === undefined ? {} : { key }) },
  };
}

function startOf(uri: string, text = "earliest"): RedisStart {
  if (text === "earliest" || text === "beginning") return "earliest";
  if (text === "latest" || text === "end") return "latest";
  if (/^\d+-\d+$/.test(text)) return { id: text };
  const sinceMs = /^s@(\d+)$/.exec(text)?.[1];
  const timeMs = sinceMs === undefined ? Date.parse(text) : Number(sinceMs);
  if (Number.isFinite(timeMs)) return { timeMs };
  throw new UsageError(
    `Cannot use ${uri}: start is ${text}; earliest, latest, an id, a time (ISO 8601) or s@ms is wanted`,
  );
}
