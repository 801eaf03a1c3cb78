/** `redis://host:port/stream?…` and its relatives as sources and sinks. docs/REDIS.md explains every option. */

import type { Endpoint, ServersAddress } from "../adapters/redis/address.ts";
import type { EntryFields } from "../adapters/redis/protocol/entries.ts";
import { type Durability, RedisSink } from "../adapters/redis/sink.ts";
import { RedisSource, type RedisStart } from "../adapters/redis/source.ts";
import { parseSelection } from "../adapters/redis/stream_selection.ts";
import type { RedisTarget } from "../adapters/redis/targets.ts";
import type { Sink } from "../adapters/sink.ts";
import { RedisWriter } from "../adapters/redis/writer.ts";
import type { SinkContext, SourceContext } from "./adapters.ts";
import { checkOptions, flagOption, numberOption, parseUri } from "./uri.ts";
import { UsageError } from "./usage_error.ts";

const PORT = 6379;
const VALUE_FIELD = "v";
const KEY_FIELD = "k";
/** The whole entry. */
const ALL_FIELDS = "*";
const WAIT_TIMEOUT_MS = 1_000;
/** What says where the servers are. */
export const SERVER_OPTIONS: readonly string[] = ["db", "sentinel", "tls", "ca"];
const SOURCE_OPTIONS = [...SERVER_OPTIONS, "field", "key", "start", "group", "stream"];
const DURABILITY_OPTIONS = ["replicas", "aof"];
const STREAM_OPTIONS = ["field", "key", "id", "maxlen", "maxage", "stream"];

/** The kinds of targets by their schemes. */
const KINDS: Readonly<Record<string, RedisTarget["kind"]>> = {
  "redis-hash": "hash",
  "redis-list": "list",
  "redis-channel": "channel",
};

/** Servers, and the keys on them that a URI names. */
export interface RedisLocation {
  readonly address: ServersAddress;
  readonly names: readonly string[];
}

/** Opens the streams at `uri` to read them. */
export async function openRedisSource(
  uri: string,
  { isBounded, start, onNotice }: SourceContext,
): Promise<RedisSource> {
  const { scheme, options } = parseUri(uri);
  if (scheme in KINDS) throw new UsageError(`Cannot read ${uri}: streams can be read, as redis://host:port/stream`);
  checkOptions(uri, options, SOURCE_OPTIONS);
  const { address, names } = locationOf(uri);
  if (names.length === 0) {
    throw new UsageError(`Cannot use ${uri}: it names no stream; add /stream or /stream1,stream2`);
  }
  const group = options.get("group");
  return await RedisSource.open({
    address,
    streams: names.map(parseSelection),
    fields: fieldsOf(options),
    isBounded,
    start: startOf(uri, start ?? options.get("start")),
    ...(group === undefined ? {} : { group }),
    ...(onNotice ? { onNotice } : {}),
  });
}

/** Opens the targets of several outputs; those of one server are written by one script. */
export async function openRedisSinks(
  outputs: readonly (readonly [output: string, uri: string])[],
  { run, onNotice }: SinkContext,
): Promise<Record<string, Sink>> {
  const located = outputs.map(([output, uri]) => ({ output, uri, ...targetOf(uri) }));
  const sinks: Record<string, Sink> = {};
  for (const together of Map.groupBy(located, ({ address }) => JSON.stringify(address)).values()) {
    const [{ address }] = together;
    const targets = new Map(together.map(({ output, target }) => [output, target]));
    const durability = together.map(({ uri }) => durabilityOf(uri)).find((each) => each !== undefined);
    const sink = await RedisSink.open({ address, targets, run, ...(durability ? { durability } : {}) });
    if (sink.guarantee !== "exactly-once") {
      onNotice(
        `${sink.description}: outputs arrive at least once; what was taken from a list or heard on a channel comes again ` +
          "when the server loses its latest seconds",
      );
    }
    for (const { output } of together) sinks[output] = sink;
  }
  return sinks;
}

/** Opens what `sluice put` writes to. */
export async function openRedisWriter(uri: string): Promise<RedisWriter> {
  const { address, target } = targetOf(uri);
  return await RedisWriter.open(address, target);
}

/** The one place at `uri` that outputs go to. */
function targetOf(uri: string): { readonly address: ServersAddress; readonly target: RedisTarget } {
  const { scheme, options } = parseUri(uri);
  const kind = KINDS[scheme] ?? "stream";
  checkOptions(uri, options, [...SERVER_OPTIONS, ...DURABILITY_OPTIONS, ...(kind === "stream" ? STREAM_OPTIONS : [])]);
  const { address, names } = locationOf(uri);
  if (names.length !== 1) throw new UsageError(`Cannot use ${uri}: one ${kind} is wanted, it names ${names.length}`);
  if (kind !== "stream") return { address, target: { kind, key: names[0], fields: {} } };
  const { stream, parts } = parseSelection(names[0]);
  if (parts === "all") {
    throw new UsageError(`Cannot use ${uri}: which parts to write is unclear; ${stream}:0..3, for four, is wanted`);
  }
  const [lengthMax, ageMsMax] = [numberOption(uri, options, "maxlen"), ageOf(uri, options)];
  if (lengthMax !== undefined && ageMsMax !== undefined) {
    throw new UsageError(`Cannot use ${uri}: a stream is trimmed by maxlen or by maxage, not by both`);
  }
  const idHeader = options.get("id");
  const target: RedisTarget = {
    kind,
    key: stream,
    fields: fieldsOf(options, KEY_FIELD),
    ...(parts ? { parts } : {}),
    ...(idHeader === undefined ? {} : { idHeader }),
    ...(lengthMax === undefined ? {} : { lengthMax }),
    ...(ageMsMax === undefined ? {} : { ageMsMax }),
  };
  return { address, target };
}

/** Reads the part of a URI that says where. User and password come from the environment: arguments are seen by everyone. */
export function locationOf(uri: string): RedisLocation {
  const { scheme, path, options } = parseUri(uri);
  const { endpoints, names } = scheme === "redis+unix" ? socketOf(uri, path, options) : hostsOf(uri, scheme, path);
  const db = options.get("db") === "0" ? 0 : numberOption(uri, options, "db");
  const sentinel = options.get("sentinel");
  const { REDIS_USERNAME: username, REDIS_PASSWORD: password } = Deno.env.toObject();
  const tls = scheme === "rediss" || flagOption(uri, options, "tls") ? tlsOf(uri, options.get("ca")) : undefined;
  return {
    names,
    address: {
      endpoints,
      ...(sentinel === undefined ? {} : { sentinel }),
      ...(tls ? { tls } : {}),
      ...(db === undefined ? {} : { db }),
      ...(username ? { username } : {}),
      ...(password ? { password } : {}),
    },
  };
}

interface Place {
  readonly endpoints: readonly Endpoint[];
  readonly names: readonly string[];
}

function hostsOf(uri: string, scheme: string, path: string): Place {
  const [, hosts, names] = /^\/\/([^/]+)(?:\/(.*))?$/.exec(path) ?? [];
  const endpoints = hosts?.split(",").map((each) => /^(\[[^\]]+\]|[^:]+)(?::(\d+))?$/.exec(each));
  if (!endpoints?.every((each) => each !== null)) {
    throw new UsageError(`Cannot use ${uri}: ${scheme}://host:port/name is wanted`);
  }
  return {
    endpoints: endpoints.map(([, host, port]) => ({ host: host.replace(/^\[|\]$/g, ""), port: Number(port ?? PORT) })),
    names: namesIn(names),
  };
}

function socketOf(uri: string, path: string, options: ReadonlyMap<string, string>): Place {
  if (path !== "") return { endpoints: [{ path }], names: namesIn(options.get("stream")) };
  throw new UsageError(`Cannot use ${uri}: redis+unix:/path/to/socket?stream=name is wanted`);
}

function namesIn(text: string | undefined): readonly string[] {
  return text ? text.split(",").map(decodeURIComponent) : [];
}

function tlsOf(uri: string, file: string | undefined): { readonly ca?: string } {
  if (file === undefined) return {};
  try {
    return { ca: Deno.readTextFileSync(file) };
  } catch (error) {
    throw new UsageError(`Cannot use ${uri}: its ca cannot be read (${(error as Error).message})`);
  }
}

/** A whole entry has its key among its members already. */
function fieldsOf(options: ReadonlyMap<string, string>, keyDefault?: string): EntryFields {
  const value = options.get("field") ?? VALUE_FIELD;
  const isWhole = value === ALL_FIELDS;
  const key = options.get("key") ?? (isWhole ? undefined : keyDefault);
  return { ...(isWhole ? {} : { value }), ...(key === undefined ? {} : { key }) };
}

/** A number of replicas, the server's disk, or both. */
function durabilityOf(uri: string): Durability | undefined {
  const { options } = parseUri(uri);
  const replicas = numberOption(uri, options, "replicas");
  const isOnDisk = flagOption(uri, options, "aof");
  if (replicas === undefined && !isOnDisk) return undefined;
  return { replicas: replicas ?? 0, isOnDisk, timeoutMs: WAIT_TIMEOUT_MS };
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000, h: 3_600_000, d: 86_400_000 };

function ageOf(uri: string, options: ReadonlyMap<string, string>): number | undefined {
  const text = options.get("maxage");
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d+)(ms|s|min|h|d)$/.exec(text) ?? [];
  if (unit === undefined) {
    throw new UsageError(`Cannot use ${uri}: maxage is ${text}, such as 90s, 15min, 12h, 7d is wanted`);
  }
  return Number(count) * UNITS_MS[unit];
}

function startOf(uri: string, text = "earliest"): RedisStart {
  if (text === "earliest" || text === "beginning") return "earliest";
  if (text === "latest" || text === "end") return "latest";
  if (/^\d+-\d+$/.test(text)) return { id: text };
  const last = /^-(\d+)$/.exec(text)?.[1];
  if (last !== undefined) return { last: Number(last) };
  const sinceMs = /^s@(\d+)$/.exec(text)?.[1];
  const timeMs = sinceMs === undefined ? Date.parse(text) : Number(sinceMs);
  if (Number.isFinite(timeMs)) return { timeMs };
  throw new UsageError(
    `Cannot use ${uri}: start is ${text}; earliest, latest, an id, a time (ISO 8601), -N or s@ms is wanted`,
  );
}
