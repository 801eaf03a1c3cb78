/** One read of a stream: entries and counters of the same moment. */

import type { Connection } from "./protocol/connection.ts";
import {
  type EntryColumns,
  type EntryFields,
  idOf,
  lastOffset,
  offsetOf,
  readEntries,
  rowsOf,
} from "./protocol/entries.ts";
import { encodeCommands, RedisError, ReplyReader } from "./protocol/resp.ts";
import { readCounters, type StreamCounters, type StreamPosition } from "./stream_position.ts";

/** What to read. */
export interface RangeRequest {
  readonly key: string;
  /** Behind the entry that was read last; or from an offset on, when none was. */
  readonly from: StreamPosition | bigint;
  readonly count: number;
  readonly fields: EntryFields;
}

/** What was there. */
export interface Range {
  readonly entries: EntryColumns;
  /** Undefined when there is no such stream. */
  readonly counters: StreamCounters | undefined;
  /** Whether the entry that was read last is still there, so that nothing behind it can be missing. */
  readonly isAnchored: boolean;
  /** Whether there was nothing behind `entries`. */
  readonly isAtEnd: boolean;
  /** How many entries had ever been added before the first of `entries`. */
  readonly ordinal: number;
  /** See {@linkcode StreamPosition.isExact}. */
  readonly isExact: boolean;
}

/** In one step: taken one after the other, entries and counters would not fit together. */
export async function readRange(connection: Connection, { key, from, count, fields }: RangeRequest): Promise<Range> {
  const known = typeof from === "bigint" ? undefined : from;
  const asked = known ? count + 1 : count;
  const start = typeof from === "bigint" ? idOf(from) : from.id;
  const commands = [["MULTI"], ["XINFO", "STREAM", key], ["XRANGE", key, start, "+", "COUNT", asked], ["EXEC"]];
  const reply = await connection.request(encodeCommands(commands), commands.length);
  const reader = new ReplyReader(reply);
  for (let queued = 1; queued < commands.length; queued++) {
    const answer = reader.next();
    if (answer instanceof RedisError) throw answer;
  }
  reader.enter();
  const counters = readCounters(reader.next());
  const found = readEntries(reply, reader, fields);
  const isAnchored = known !== undefined && found.count > 0 && lastOffset(found, 1) === offsetOf(known.id);
  const isAtEnd = found.count < asked;
  // One more was asked for than is wanted: the entry that was read last.
  const entries = rowsOf(found, isAnchored ? 1 : 0, isAnchored ? found.count : Math.min(found.count, count));
  return { entries, counters, isAnchored, isAtEnd, ...ordinalOf({ from, counters, entries, isAtEnd }) };
}

interface OrdinalQuestion {
  readonly from: StreamPosition | bigint;
  readonly counters: StreamCounters | undefined;
  readonly entries: EntryColumns;
  readonly isAtEnd: boolean;
}

/** The end of the stream is the place whose ordinal the server knows; elsewhere it is counted from what was read. */
function ordinalOf({ from, counters, entries, isAtEnd }: OrdinalQuestion): Pick<Range, "ordinal" | "isExact"> {
  if (!counters) return { ordinal: 0, isExact: true };
  if (isAtEnd) return { ordinal: counters.entriesAdded - entries.count, isExact: true };
  if (typeof from !== "bigint") return { ordinal: from.ordinal, isExact: from.isExact };
  return { ordinal: counters.entriesAdded - counters.length, isExact: from === 0n };
}
