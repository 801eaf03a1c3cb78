/**
 * How far a stream was read, in the words of Redis, and whether everything behind that is still there.
 *
 * Trimming removes from the head only: while the entry that was read last is there, all that came after it is there too.
 * When it is gone, the server's counters (Redis 7.0) tell how many entries went with it, perhaps none. A position is
 * therefore the last id together with its ordinal, how many entries had ever been added up to it.
 */

import { idOf, offsetOf } from "./protocol/entries.ts";
import { RedisError, type Reply } from "./protocol/resp.ts";

/** The last entry that was read. */
export interface StreamPosition {
  readonly id: string;
  readonly ordinal: number;
  /**
   * False where reading began in the middle of the stream and has not reached its end yet: the ordinal is then too small
   * by the entries that were there before, so a harmless trim may count as a gap, never the other way round.
   */
  readonly isExact: boolean;
}

/** What `XINFO STREAM` says. */
export interface StreamCounters {
  readonly length: number;
  readonly entriesAdded: number;
  readonly lastId: string;
  readonly firstId: string;
  readonly maxDeletedId: string;
}

/** What became of the entries after a position. */
export type Proof =
  | { readonly kind: "whole" }
  /** Some are gone; the first that is left, if there is one. */
  | { readonly kind: "trimmed"; readonly firstId: string; readonly reason: string }
  /** It is another stream. */
  | { readonly kind: "changed"; readonly reason: string };

/** A position as it is journaled. */
export function anchorOf({ id, ordinal, isExact }: StreamPosition): string {
  return `${id}/${isExact ? "" : "~"}${ordinal}`;
}

/** What {@linkcode anchorOf} made. */
export function positionOf(anchor: string): StreamPosition {
  const [, id, about, ordinal] = /^(.+)\/(~?)(\d+)$/.exec(anchor)!;
  return { id, ordinal: Number(ordinal), isExact: about === "" };
}

/** Reads a reply to `XINFO STREAM`; undefined when there is no such stream. */
export function readCounters(info: Reply): StreamCounters | undefined {
  if (info instanceof RedisError && info.message.includes("no such key")) return undefined;
  if (!Array.isArray(info)) throw info;
  const field = (name: string): Reply => info[info.indexOf(name) + 1];
  return {
    length: Number(field("length")),
    entriesAdded: Number(field("entries-added")),
    lastId: String(field("last-generated-id")),
    firstId: String(field("recorded-first-entry-id")),
    maxDeletedId: String(field("max-deleted-entry-id")),
  };
}

/** Whether everything after `from` is still there. */
export function prove(from: StreamPosition, counters: StreamCounters | undefined): Proof {
  if (!counters) {
    return from.ordinal === 0 ? { kind: "whole" } : { kind: "changed", reason: "the stream does not exist any more" };
  }
  const { length, entriesAdded, lastId, firstId, maxDeletedId } = counters;
  const [at, last, first] = [offsetOf(from.id), offsetOf(lastId), offsetOf(firstId)];
  if (last < at) {
    return { kind: "changed", reason: `its newest id is ${lastId}: it lost its end or was made anew` };
  }
  if (entriesAdded < from.ordinal) {
    return {
      kind: "changed",
      reason: `it has had ${entriesAdded} entries, ${from.ordinal} were read: it was made anew`,
    };
  }
  if (length > 0 && first <= at) return { kind: "whole" };
  const trimmed = (reason: string): Proof => ({ kind: "trimmed", firstId: length > 0 ? firstId : lastId, reason });
  if (offsetOf(maxDeletedId) > at) return trimmed(`entries up to ${maxDeletedId} were deleted`);
  const lost = entriesAdded - from.ordinal - length;
  if (lost < 0) return { kind: "changed", reason: "it has more entries than came after the last that was read" };
  const atMost = from.isExact ? "" : "up to ";
  return lost === 0 ? { kind: "whole" } : trimmed(`${atMost}${lost} entries were trimmed before they were read`);
}

/** What can be known of a position at which nothing was read yet; undefined where it is behind all that will come next. */
export function startPosition(from: bigint, counters: StreamCounters | undefined): StreamPosition | undefined {
  const id = idOf(from - 1n);
  if (!counters) return { id, ordinal: 0, isExact: true };
  const { length, entriesAdded, firstId, lastId } = counters;
  const last = offsetOf(lastId);
  if (from > last + 1n) return undefined;
  if (from > last) return { id, ordinal: entriesAdded, isExact: true };
  // Before the first entry all that is gone is not this reader's; behind it nobody knows how many came before.
  return { id, ordinal: entriesAdded - length, isExact: length === 0 || from <= offsetOf(firstId) };
}
