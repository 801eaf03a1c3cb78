/** What streams there are on a server, for people: how long they are, from when to when, who reads them. */

import { SourceError } from "../source.ts";
import { identityOf, type ServersAddress } from "./address.ts";
import type { Connection } from "./protocol/connection.ts";
import { encodeCommands, RedisError, type Reply, ReplyReader, type Word } from "./protocol/resp.ts";
import { Servers } from "./servers.ts";
import { readCounters, type StreamCounters } from "./stream_position.ts";

/** A consumer group as it is now. */
export interface GroupOverview {
  readonly name: string;
  readonly lastId: string;
  /** Entries behind that; undefined where the server does not know. */
  readonly lag: number | undefined;
  readonly pending: number;
}

/** A stream as it is now. */
export interface StreamOverview extends StreamCounters {
  readonly stream: string;
  readonly bytes: number;
  readonly groups: readonly GroupOverview[];
}

const SCAN_COUNT = 1_000;

/**
 * Looks at streams: those that are named, or all.
 *
 * @throws {SourceError} when no server answers, or a stream is not there
 */
export async function lookAtStreams(
  address: ServersAddress,
  names: readonly string[],
): Promise<readonly StreamOverview[]> {
  const servers = new Servers(address);
  try {
    if (names.length > 0) return await Promise.all(names.map((name) => lookAt(servers, name)));
    const found: StreamOverview[] = [];
    for (const connection of await servers.openAll()) {
      for (const name of await streamsOn(connection)) found.push(await overviewOf(connection, name));
      connection.close();
    }
    return found.sort((a, b) => a.stream < b.stream ? -1 : 1);
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    const message = `Cannot list the streams of ${identityOf(address)}: ${(cause as Error).message}`;
    throw new SourceError(message, { code: "E_SOURCE_UNREADABLE", stream: names[0] ?? "", cause });
  }
}

async function lookAt(servers: Servers, stream: string): Promise<StreamOverview> {
  const { connection } = await servers.open(stream);
  try {
    return await overviewOf(connection, stream);
  } finally {
    connection.close();
  }
}

async function streamsOn(connection: Connection): Promise<readonly string[]> {
  const names = new Set<string>();
  let cursor = "0";
  do {
    const [next, some] = await ask(connection, ["SCAN", cursor, "COUNT", SCAN_COUNT, "TYPE", "stream"]) as [
      string,
      readonly string[],
    ];
    for (const name of some) names.add(name);
    cursor = next;
  } while (cursor !== "0");
  return [...names];
}

async function overviewOf(connection: Connection, stream: string): Promise<StreamOverview> {
  const counters = readCounters(await askRaw(connection, ["XINFO", "STREAM", stream]));
  if (!counters) {
    throw new SourceError(`Cannot look at Redis stream ${stream}: there is none`, { code: "E_NO_STREAM", stream });
  }
  const bytes = Number(await ask(connection, ["MEMORY", "USAGE", stream]));
  const groups = await ask(connection, ["XINFO", "GROUPS", stream]) as readonly (readonly Reply[])[];
  return { stream, ...counters, bytes, groups: groups.map(groupOf) };
}

function groupOf(info: readonly Reply[]): GroupOverview {
  const field = (name: string): Reply => info[info.indexOf(name) + 1];
  const lag = field("lag");
  return {
    name: String(field("name")),
    lastId: String(field("last-delivered-id")),
    lag: lag === null ? undefined : Number(lag),
    pending: Number(field("pending")),
  };
}

async function ask(connection: Connection, command: readonly Word[]): Promise<Reply> {
  const reply = await askRaw(connection, command);
  if (reply instanceof RedisError) throw reply;
  return reply;
}

async function askRaw(connection: Connection, command: readonly Word[]): Promise<Reply> {
  return new ReplyReader(await connection.request(encodeCommands([command]))).next();
}
