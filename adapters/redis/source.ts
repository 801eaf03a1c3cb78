/**
 * Redis streams: offsets are ids, event times are the times of ids.
 *
 * Read by range after a position, without a consumer group: nothing is lost on quiet streams, and nothing is written to
 * the source. Every read begins with the entry that was read last, which proves that nothing behind it was trimmed; when
 * that entry is gone, the server's counters, taken in the same step, tell (`stream_position.ts`).
 */

import { type Batch, offsetAt } from "../../engine/batch.ts";
import { outageNotice, type PatienceOptions, patiently } from "../patience.ts";
import type { ReadLimit, ReadResult, Source, SourcePartition } from "../source.ts";
import { until } from "../until.ts";
import { identityOf, type ServersAddress } from "./address.ts";
import { GroupPosition } from "./group_position.ts";
import { HeldRange, payloadBytes } from "./held_range.ts";
import type { Connection } from "./protocol/connection.ts";
import { type EntryFields, idOf, lastOffset, offsetOf, readEntries } from "./protocol/entries.ts";
import { isPassing } from "./protocol/passing.ts";
import { encodeCommands, ReplyReader } from "./protocol/resp.ts";
import { Servers } from "./servers.ts";
import { explain, otherStream } from "./source_errors.ts";
import {
  anchorOf,
  positionOf,
  prove,
  readCounters,
  startPosition,
  type StreamCounters,
  type StreamPosition,
} from "./stream_position.ts";
import { type Range, readRange } from "./stream_range.ts";
import { keyOf, partitionsOf, selectionText, type StreamSelection } from "./stream_selection.ts";
import { StreamServers } from "./stream_servers.ts";

/** Where a run that reads a stream for the first time begins. */
export type RedisStart =
  | "earliest"
  | "latest"
  | { readonly timeMs: number }
  | { readonly id: string }
  /** With the last so many entries. */
  | { readonly last: number };

/** How to read streams. */
export interface RedisSourceOptions {
  /** Where the servers are. */
  readonly address: ServersAddress;
  /** What to read. */
  readonly streams: readonly StreamSelection[];
  /** Which fields of an entry are the record. */
  readonly fields: EntryFields;
  /** Whether streams end where they end now. */
  readonly isBounded: boolean;
  /** Where a run that has not read a stream yet begins. */
  readonly start: RedisStart;
  /** The consumer group that shows how far the run has come. */
  readonly group?: string;
  /** Something a person should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** No entry has an id below `0-1`. */
const FIRST_POSITION = 1n;
/** For so long a server may be out of reach. */
const OUTAGE_MS_MAX = 120_000;
/** The same before the run has begun. */
const OPEN_MS_MAX = 3_000;
/** When waiting failed, the next attempt comes so much later. */
const RETRY_MS = 100;
/** More at once would keep the server from its other clients for more than some milliseconds. */
const COUNT_MAX = 4_000;
/** A request costs the server as much as some dozens of entries. */
const FEEDS_PER_READ = 2;
/** As long as nobody knows how large the entries are. */
const COUNT_FIRST = 100;

/** What is known of one partition. */
interface Lane {
  readonly key: string;
  /** The entry that was read last, or what is known of the position where reading is to begin. */
  read?: StreamPosition | undefined;
  /** A position with nothing between `read` and it: a feed that ends inside of a batch ends before the next entry. */
  verified?: bigint | undefined;
  /** Where it was read last, whether or not anything was there. */
  asked: bigint;
  /** Where it ends, when it is bounded. */
  end?: bigint;
  /** Of an entry's payload. */
  bytesMean?: number;
  /** What was read and not asked for yet: behind `read`. */
  held?: HeldRange | undefined;
  /** What is behind that, on its way. */
  ahead?: Promise<Range> | undefined;
  /** Why entries cannot be waited for. */
  failure?: Error;
  isAbsenceNoted?: boolean;
  readonly group?: GroupPosition;
  /** What was read and is not committed yet. */
  readonly uncommitted: StreamPosition[];
}

/** See the module. */
export class RedisSource implements Source {
  readonly identity: string;
  readonly isRereadable = true;
  readonly hasEventTime = true;
  readonly #options: RedisSourceOptions;
  readonly #servers: StreamServers;
  readonly #lanes = new Map<string, Lane>();
  readonly #onOutage: PatienceOptions["onOutage"];

  private constructor(options: RedisSourceOptions, servers: StreamServers) {
    this.#options = options;
    this.#servers = servers;
    this.identity = `${identityOf(options.address)}/${options.streams.map(selectionText).join(",")}`;
    this.#onOutage = outageNotice(this.identity, options.onNotice);
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when the server cannot be reached
   */
  static async open(options: RedisSourceOptions): Promise<RedisSource> {
    const source = new RedisSource(options, new StreamServers(new Servers(options.address)));
    const [at] = await partitionsOf(options.streams[0], () => Promise.resolve(false));
    try {
      const { key } = source.#laneOf(at);
      await patiently({ timeMsMax: OPEN_MS_MAX, isPassing }, () => source.#servers.reading(key));
      return source;
    } catch (cause) {
      await source.close();
      throw explain(at, undefined, cause);
    }
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    const found: SourcePartition[] = [];
    for (const selection of this.#options.streams) {
      found.push(...await partitionsOf(selection, (key) => this.#exists(key)));
    }
    return found.sort((a, b) => compare(a.stream, b.stream) || compare(a.partition, b.partition));
  }

  async start(at: SourcePartition): Promise<bigint> {
    const { start } = this.#options;
    const isLast = typeof start === "object" && "last" in start;
    const last = isLast ? await this.#nthLast(at, start.last) : 0n;
    const counters = await this.#counters(at);
    if (!counters) this.#noteAbsence(this.#laneOf(at));
    const position = start === "latest" || last === undefined ? endOf(counters) : isLast ? last : positionIn(start);
    this.#laneOf(at).read = startPosition(max(position, FIRST_POSITION), counters);
    return position;
  }

  /** Wherever the run began: all entries of such a stream are newer. */
  startOfAdded(at: SourcePartition): Promise<bigint> {
    this.#laneOf(at).read = startPosition(FIRST_POSITION, undefined);
    return Promise.resolve(positionIn("earliest"));
  }

  startAnchor(at: SourcePartition): string | undefined {
    const { read } = this.#laneOf(at);
    return read && anchorOf(read);
  }

  /** Each entry is a row. */
  anchorAt(batch: Batch, rows: number): string | undefined {
    if (batch.anchor === undefined || rows === 0) return undefined;
    const { ordinal, isExact } = positionOf(batch.anchor);
    const id = idOf(offsetAt(batch, rows - 1));
    return anchorOf({ id, ordinal: ordinal - (batch.count - rows), isExact });
  }

  async latest(at: SourcePartition): Promise<bigint> {
    return endOf(await this.#counters(at));
  }

  /** Offsets are no counts: the server's counters tell how many entries there are behind the last that was read. */
  async lag(at: SourcePartition, position: bigint, anchor: string | undefined): Promise<bigint | undefined> {
    const counters = await this.#counters(at);
    if (!counters) return 0n;
    if (position > offsetOf(counters.lastId)) return 0n;
    if (anchor !== undefined) return BigInt(Math.max(0, counters.entriesAdded - positionOf(anchor).ordinal));
    return position === 0n ? BigInt(counters.length) : undefined;
  }

  positionText(position: bigint): string {
    return idOf(position);
  }

  async verify(at: SourcePartition, position: bigint, anchor: string | undefined): Promise<void> {
    if (anchor === undefined) return;
    const from = positionOf(anchor);
    const proof = prove(from, await this.#counters(at));
    // What was trimmed is told by the first read, and may be accepted.
    if (proof.kind === "changed") throw otherStream(at, position, proof.reason);
    const lane = this.#laneOf(at);
    lane.read = from;
    lane.verified = position;
    lane.held = lane.ahead = undefined;
  }

  async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const lane = this.#laneOf(at);
    lane.asked = from;
    if (lane.failure) throw lane.failure;
    if (this.#options.isBounded) lane.end ??= await this.latest(at);
    if (lane.end !== undefined && from >= lane.end) return { kind: "ended" };
    const isKnown = lane.read && (behind(lane.read) === max(from, FIRST_POSITION) || lane.verified === from);
    const known = isKnown ? lane.read : undefined;
    if (!known) lane.held = lane.ahead = undefined;
    const wasAhead = !lane.held && lane.ahead !== undefined;
    if (!lane.held) {
      const reading = lane.ahead ?? this.#range(at, known ?? from, limit);
      // Whatever becomes of it, it is not waited for twice.
      lane.ahead = undefined;
      const range = await reading;
      const proof = known && !range.isAnchored ? prove(known, range.counters) : undefined;
      if (proof?.kind === "changed") throw otherStream(at, from, proof.reason);
      if (proof?.kind === "trimmed") {
        return { kind: "gap", to: max(offsetOf(proof.firstId), from), reason: proof.reason };
      }
      // From here on what comes and goes unseen is missed.
      if (!known) lane.read = startPosition(max(from, FIRST_POSITION), range.counters);
      lane.held = new HeldRange(range);
    }
    const result = this.#take(at, lane, lane.held, limit);
    // That there was nothing yet when it was read ahead says nothing of now.
    return result.kind === "idle" && wasAhead && limit.looksAgain ? await this.read(at, from, limit) : result;
  }

  waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    return until(Promise.race(at.map((each) => this.#wait(each))), signal);
  }

  release(at: SourcePartition, position: bigint): void {
    const { group, uncommitted } = this.#laneOf(at);
    if (!group) return;
    let last: StreamPosition | undefined;
    while (uncommitted.length > 0 && offsetOf(uncommitted[0].id) < position) last = uncommitted.shift();
    group.moveTo({
      id: idBefore(position),
      entriesRead: last?.isExact && offsetOf(last.id) + 1n === position ? last.ordinal : undefined,
    });
  }

  async close(): Promise<void> {
    for (const { group } of this.#lanes.values()) await group?.settled();
    await this.#servers.close();
  }

  /** It may be written later; or its name has a mistake. */
  #noteAbsence(lane: Lane): void {
    if (lane.isAbsenceNoted) return;
    lane.isAbsenceNoted = true;
    const later = this.#options.isBounded
      ? "nothing is read of it"
      : "it is read from its first entry once it is there";
    this.#options.onNotice?.(`There is no stream ${lane.key} yet: ${later}`);
  }

  #take(at: SourcePartition, lane: Lane, held: HeldRange, limit: ReadLimit): ReadResult {
    const batch = held.take(at, limit, lane.end);
    if (!batch || held.left === 0) lane.held = undefined;
    if (!batch) return { kind: lane.end === undefined ? "idle" : "ended" };
    lane.read = held.taken;
    lane.verified = undefined;
    lane.bytesMean = payloadBytes(batch) / batch.count;
    if (lane.group) lane.uncommitted.push(lane.read);
    if (held.left < limit.recordsMax && !held.isAtEnd) lane.ahead ??= this.#readAhead(at, held.end, limit);
    // The position is right behind the last row: the id that comes next is not known before it is there.
    return { kind: "batch", batch: { ...batch, next: behind(lane.read), anchor: anchorOf(lane.read) } };
  }

  #range(at: SourcePartition, from: StreamPosition | bigint, limit: ReadLimit): Promise<Range> {
    const lane = this.#laneOf(at);
    const position = typeof from === "bigint" ? from : behind(from);
    const request = { key: lane.key, from, count: countOf(lane, limit), fields: this.#options.fields };
    return this.#ask(at, position, (connection) => readRange(connection, request), limit);
  }

  /** While feeds are processed and committed, the server looks for the next: it does one thing at a time. */
  #readAhead(at: SourcePartition, end: StreamPosition, limit: ReadLimit): Promise<Range> {
    const range = this.#range(at, end, limit);
    // Whoever asks for it hears of it.
    range.catch(() => {});
    return range;
  }

  /** Who cannot wait reads again after a while, which tells what is wrong; what does not pass, the next read says. */
  async #wait(at: SourcePartition): Promise<void> {
    const lane = this.#laneOf(at);
    try {
      await (await this.#servers.waiter(lane.key)).wait(lane.key, idBefore(lane.asked));
    } catch (error) {
      if (!isPassing(error)) lane.failure = explain(at, lane.asked, error);
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  }

  #laneOf(at: SourcePartition): Lane {
    const { group, streams } = this.#options;
    const key = keyOf(streams, at);
    const known = this.#lanes.get(key);
    if (known) return known;
    const shown = group === undefined ? {} : { group: new GroupPosition(group, key, () => this.#servers.reading(key)) };
    const lane: Lane = { key, asked: 0n, uncommitted: [], ...shown };
    this.#lanes.set(key, lane);
    return lane;
  }

  async #exists(key: string): Promise<boolean> {
    const at = { stream: key, partition: "0" };
    const reply = await this.#ask(at, 0n, (connection) => connection.request(encodeCommands([["EXISTS", key]])), {
      key,
    });
    return new ReplyReader(reply).next() === 1;
  }

  /** Undefined when there is none. */
  async #nthLast(at: SourcePartition, count: number): Promise<bigint | undefined> {
    if (count === 0) return undefined;
    const command = encodeCommands([["XREVRANGE", this.#laneOf(at).key, "+", "-", "COUNT", count]]);
    const reply = await this.#ask(at, undefined, (connection) => connection.request(command));
    const entries = readEntries(reply, new ReplyReader(reply), this.#options.fields);
    return entries.count === 0 ? undefined : lastOffset(entries);
  }

  async #counters(at: SourcePartition): Promise<StreamCounters | undefined> {
    const { key } = this.#laneOf(at);
    return await this.#ask(at, undefined, async (connection) => {
      return readCounters(new ReplyReader(await connection.request(encodeCommands([["XINFO", "STREAM", key]]))).next());
    });
  }

  /** Reading changes nothing, so it is simply done again: on another connection, perhaps to another server. */
  async #ask<T>(
    at: SourcePartition,
    from: bigint | undefined,
    work: (connection: Connection) => Promise<T>,
    { key = this.#laneOf(at).key, leave }: { readonly key?: string; readonly leave?: AbortSignal } = {},
  ): Promise<T> {
    const refresh = () => this.#servers.forget(key);
    const options = { timeMsMax: OUTAGE_MS_MAX, isPassing, refresh, onOutage: this.#onOutage, leave };
    try {
      return await patiently(options, async () => await work(await this.#servers.reading(key)));
    } catch (cause) {
      throw explain(at, from, cause);
    }
  }
}

/** As many entries as make some feeds, judged by the last ones. */
function countOf({ bytesMean }: Lane, { recordsMax, bytesMax }: ReadLimit): number {
  if (bytesMean === undefined) return Math.min(recordsMax, COUNT_FIRST);
  const fitting = Math.ceil(FEEDS_PER_READ * bytesMax / Math.max(bytesMean, 1));
  return Math.max(1, Math.min(FEEDS_PER_READ * recordsMax, COUNT_MAX, fitting));
}

function behind({ id }: StreamPosition): bigint {
  return offsetOf(id) + 1n;
}

function endOf(counters: StreamCounters | undefined): bigint {
  return counters ? offsetOf(counters.lastId) + 1n : 0n;
}

function positionIn(start: Exclude<RedisStart, "latest" | { readonly last: number }>): bigint {
  if (start === "earliest") return 0n;
  return offsetOf("id" in start ? start.id : `${start.timeMs}-0`);
}

function idBefore(position: bigint): string {
  return idOf(position === 0n ? 0n : position - 1n);
}

function max(a: bigint, b: bigint): bigint {
  return a > b ? a : b;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
