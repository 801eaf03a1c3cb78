/**
 * A Kinesis stream: a partition per shard, offsets are sequence numbers and places in aggregates, event times are the times
 * of arrival.
 *
 * A shard that was split or merged ends at the position `SHARD_END`; the shards that came out of it are then read from their
 * beginning, wherever the run began (`resharding`), so that keys keep their order.
 */

import { type Batch, positionAt, rowsWithin } from "../../engine/batch.ts";
import { compareText } from "../../engine/state.ts";
import { outageNotice, type PatienceOptions, patiently } from "../patience.ts";
import {
  KNOWN_MS_MAX,
  type ParentEnd,
  type ReadLimit,
  type ReadResult,
  type Resharding,
  type Source,
  SourceError,
  type SourcePartition,
} from "../source.ts";
import { until } from "../until.ts";
import { anchorOf, anchorText } from "./anchor.ts";
import { isNamed, isPassing } from "../aws.ts";
import {
  describe,
  isMissing,
  type KinesisAddress,
  listShards,
  openClient,
  openHandler,
  streamReasonOf,
  type StreamSummary,
} from "./client.ts";
import { type HashRange, Marks } from "./marks.ts";
import { behindMs } from "./lag.ts";
import { packPages } from "./packed_pages.ts";
import { placeOf, positionText, SHARD_END, TRIM_HORIZON } from "./position.ts";
import { type ShardClients, type ShardRead, ShardReader } from "./shard_reader.ts";
import { holdsKey, parentsOf, rangeOf, rootsOf, type Shard, withoutHalves } from "./shards.ts";

/** Where a run that reads a stream for the first time begins. */
export type KinesisStart = "earliest" | "latest" | { readonly timeMs: number };

/** How to read a stream. */
export interface KinesisSourceOptions extends KinesisAddress {
  /** Where a new run begins. */
  readonly start: KinesisStart;
  /** Whether the stream ends where it ends now. */
  readonly isBounded: boolean;
  /** Calls of GetRecords per shard and second. @default {5}: what AWS allows all readers of a shard together */
  readonly callsPerSecond?: number;
  /** Leaves out what a run of Sluice wrote twice, and what it wrote to another shard as well. @default {false} */
  readonly withoutRepeats?: boolean;
  /** How long a service that cannot be reached is tried again. @default {60000} */
  readonly outageMsMax?: number;
  /** The time, for tests of what happens after days. @default {Date.now} */
  readonly nowMs?: () => number;
  /** Something a person should know, in one line. */
  readonly onNotice?: (text: string) => void;
}

/** The next attempt begins with an iterator of its own, or asks for the whole page. */
const PASSING_HERE = ["ExpiredIteratorException", "BrokenPage"];
const CALLS_PER_SECOND = 5;
const WAIT_MS_MAX = 1000;
const OUTAGE_MS_MAX = 60_000;
/** Who starts a run waits for an answer: a wrong endpoint should not look like work. */
const OPEN_MS_MAX = 10_000;
/** Where a run begins so close to what retention removes, the first records may be gone before they are read. */
const RETENTION_MARGIN_MS = 3_600_000;

/** See the module. */
export class KinesisSource implements Source {
  readonly identity: string;
  readonly #onOutage: PatienceOptions["onOutage"];
  readonly isRereadable = true;
  readonly hasEventTime = true;
  readonly #options: KinesisSourceOptions;
  readonly #clients: ShardClients;
  readonly #readers = new Map<string, ShardReader>();
  readonly #shards = new Map<string, Shard>();
  readonly #warned = new Set<string>();
  #isOpen = false;
  /** As of the start: the retention is asked for again where it decides something. */
  #summary: StreamSummary = { createdMs: NaN, retentionMs: Infinity };
  readonly resharding: Resharding = {
    beginning: TRIM_HORIZON,
    end: SHARD_END,
    begin: () => this.#begin(),
    parents: ({ stream, partition }) => {
      const shard = this.#shards.get(partition);
      return shard ? parentsOf(shard).map((parent) => ({ stream, partition: parent })) : [];
    },
    holds: ({ partition }, key) => {
      const shard = this.#shards.get(partition);
      return shard !== undefined && holdsKey(shard, key);
    },
    inherit: ({ partition }, parents) => this.#inherit(partition, parents),
  };

  private constructor(options: KinesisSourceOptions, clients: ShardClients) {
    this.#options = options;
    this.#clients = clients;
    this.identity = `kinesis:${options.region}/${options.stream}`;
    this.#onOutage = outageNotice(this.identity, options.onNotice);
  }

  /**
   * Connects.
   *
   * @throws {SourceError} when there is no such stream, or it cannot be reached
   */
  static async open(options: KinesisSourceOptions): Promise<KinesisSource> {
    const connections = openHandler();
    const pages = openClient(options, connections);
    packPages(pages);
    const source = new KinesisSource(options, { client: openClient(options, connections), pages });
    try {
      await source.partitions();
      source.#summary = await source.#describe();
      source.#isOpen = true;
      return source;
    } catch (error) {
      await source.close();
      throw error;
    }
  }

  #describe(): Promise<StreamSummary> {
    return this.#patiently(() => describe(this.#clients.client, this.#options.stream));
  }

  async partitions(): Promise<readonly SourcePartition[]> {
    const shards = await this.#list();
    // What retention removes from the list may still be asked for: its children follow it.
    for (const shard of shards) this.#shards.set(shard.ShardId!, shard);
    return this.#named(withoutHalves(shards));
  }

  /** Where a run begins in the middle, shards that were closed before have nothing for it. */
  async #begin(): Promise<readonly SourcePartition[]> {
    const { start } = this.#options;
    if (start === "earliest") return this.#named(rootsOf(await this.#list()));
    const isLatest = start === "latest" || start.timeMs >= Date.now();
    const open = await this.#list(isLatest ? "latest" : start);
    // A time before the oldest record may name none.
    return this.#named(open.length > 0 ? open : rootsOf(await this.#list()));
  }

  #named(shards: readonly Shard[]): readonly SourcePartition[] {
    const { stream } = this.#options;
    return shards.map(({ ShardId }) => ({ stream, partition: ShardId! })).sort((a, b) =>
      compareText(a.partition, b.partition)
    );
  }

  #list(openAt?: "latest" | { readonly timeMs: number }): Promise<readonly Shard[]> {
    return this.#patiently(() => listShards(this.#clients.client, this.#options.stream, openAt));
  }

  /** Times are positions: `latest` is pinned before anything arrives. */
  start(): Promise<bigint> {
    const { start } = this.#options;
    if (start === "earliest") return Promise.resolve(TRIM_HORIZON);
    return Promise.resolve(BigInt(start === "latest" ? Date.now() : Math.max(1, start.timeMs)));
  }

  positionText(position: bigint): string {
    return positionText(position);
  }

  startAnchor(): string {
    return anchorText({ createdMs: this.#summary.createdMs, untilMs: this.#startMs() });
  }

  /** From when on all is to be read, where nothing of that has been removed yet. */
  #startMs(): number | undefined {
    const { start, nowMs = Date.now } = this.#options;
    if (start === "earliest") return undefined;
    if (start === "latest") return nowMs();
    return start.timeMs > nowMs() - this.#summary.retentionMs + RETENTION_MARGIN_MS ? start.timeMs : undefined;
  }

  /** What was read last is asked for with the first read. */
  verify({ stream, partition }: SourcePartition, position: bigint, anchor: string | undefined): Promise<void> {
    const known = anchorOf(anchor);
    const { createdMs } = this.#summary;
    if (known.createdMs !== undefined && known.createdMs !== createdMs) {
      const changed = new SourceError(
        `Cannot go on with ${stream}/${partition}: the stream was created at ${
          new Date(createdMs).toISOString()
        }, the one ` +
          `that was read at ${
            new Date(known.createdMs).toISOString()
          }; it was deleted and made anew. Use another --name`,
        { code: "E_SOURCE_CHANGED", stream, partition, offset: position },
      );
      return Promise.reject(changed);
    }
    this.#reader(partition).know(position, known);
    return Promise.resolve();
  }

  anchorAt(batch: Batch, rows: number): string | undefined {
    return this.#reader(batch.partition).anchorAt(positionAt(batch, rows));
  }

  release({ partition }: SourcePartition, position: bigint): void {
    this.#reader(partition).release(position);
  }

  /** Undefined when the record that was read last is gone. */
  behindMs({ stream, partition }: SourcePartition, position: bigint): Promise<number | undefined> {
    return this.#patiently(() => behindMs({ ...this.#clients, stream, shard: partition }, position));
  }

  #inherit(shard: string, parents: readonly ParentEnd[]): string | undefined {
    const { createdMs } = this.#summary;
    const anchors = parents.map(({ anchor }) => anchorOf(anchor));
    // All parents were open until the same moment.
    const openMs = anchors.flatMap(({ untilMs }) => untilMs ?? []);
    const untilMs = openMs.length === 0 ? undefined : Math.max(...openMs);
    if (!this.#options.withoutRepeats) return anchorText({ createdMs, untilMs });
    const ends = parents.map(({ at }, i) => ({
      range: this.#rangeOf(at.partition),
      marks: anchors[i].marks ?? new Marks(),
    }));
    return anchorText({ createdMs, untilMs, marks: Marks.inherit(ends, this.#rangeOf(shard)) });
  }

  /** Empty pages, and calls that have to wait for their turn, do not say that there is nothing. */
  async #readKnown(reader: ShardReader, from: bigint, limit: ReadLimit): Promise<ShardRead> {
    const { untilKnown, looksAgain, leave } = limit;
    const endMs = performance.now() + KNOWN_MS_MAX;
    if (looksAgain) reader.forget();
    for (;;) {
      const result = await this.#patiently(() => reader.read(from), leave);
      const leftMs = reader.nextCallMs - performance.now();
      const isKnown = result.kind !== "idle" || result.isAtEnd;
      if (isKnown || !untilKnown || performance.now() + leftMs > endMs) return result;
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, leftMs)));
    }
  }

  async read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult> {
    const reader = this.#reader(at.partition);
    const result = await this.#readKnown(reader, from, limit);
    this.#warnOfRetention(at, reader);
    switch (result.kind) {
      case "batch":
        return { kind: "batch", batch: reader.take(Math.min(rowsWithin(result.batch, limit), result.batch.count)) };
      case "closed":
        return { kind: "closed" };
      case "gone":
        throw this.#gone(at, from);
      case "idle":
        if (!result.isAtEnd) return { kind: "idle", isUnsure: true };
        return { kind: this.#options.isBounded ? "ended" : "idle" };
      default:
        return result satisfies never;
    }
  }

  async waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void> {
    const nextMs = Math.min(...at.map(({ partition }) => this.#reader(partition).nextCallMs));
    const waitMs = Math.min(Math.max(0, nextMs - performance.now()), WAIT_MS_MAX);
    await until(new Promise((resolve) => setTimeout(resolve, waitMs)), signal);
  }

  close(): Promise<void> {
    this.#clients.client.destroy();
    this.#clients.pages.destroy();
    return Promise.resolve();
  }

  #reader(name: string): ShardReader {
    const known = this.#readers.get(name);
    if (known) return known;
    const { stream, callsPerSecond = CALLS_PER_SECOND, withoutRepeats, nowMs = Date.now } = this.#options;
    const reader = new ShardReader({
      ...this.#clients,
      stream,
      shard: name,
      callEveryMs: 1000 / callsPerSecond,
      ...(withoutRepeats ? { withoutRepeats: () => this.#rangeOf(name) } : {}),
      createdMs: this.#summary.createdMs,
      retentionMs: async () => (await this.#describe()).retentionMs,
      nowMs,
    });
    this.#readers.set(name, reader);
    return reader;
  }

  /** Without them, repeats could not be told. */
  #rangeOf(name: string): HashRange {
    const shard = this.#shards.get(name);
    if (shard) return rangeOf(shard);
    const { stream } = this.#options;
    throw new SourceError(`Cannot read ${stream}/${name}: it is not among the shards that are listed`, {
      code: "E_SHARD_UNKNOWN",
      stream,
      partition: name,
    });
  }

  /** Said once per shard, while there is time to do something about it. */
  #warnOfRetention({ stream, partition }: SourcePartition, { behindMs }: ShardReader): void {
    const { retentionMs } = this.#summary;
    if (behindMs < retentionMs / 2 || this.#warned.has(partition)) return;
    this.#warned.add(partition);
    this.#options.onNotice?.(
      `${stream}/${partition} is read ${hours(behindMs)} behind its end, and records are kept for ${
        hours(retentionMs)
      }: what is not read by then is lost; raise the stream's retention, or read faster`,
    );
  }

  async #patiently<T>(attempt: () => Promise<T>, leave?: AbortSignal): Promise<T> {
    const { outageMsMax = OUTAGE_MS_MAX } = this.#options;
    const options: PatienceOptions = {
      timeMsMax: this.#isOpen ? outageMsMax : Math.min(OPEN_MS_MAX, outageMsMax),
      isPassing: isPassingHere,
      onOutage: this.#onOutage,
      leave,
    };
    try {
      return await patiently(options, attempt);
    } catch (error) {
      if (error instanceof SourceError) throw error;
      throw this.#explain(error as Error);
    }
  }

  #gone({ stream, partition }: SourcePartition, from: bigint): SourceError {
    const isBegun = placeOf(from).kind === "record";
    const missing = isBegun
      ? `the record at ${positionText(from)}, which was read last, is not there any more; the stream's retention has ` +
        "passed, and records behind it may be gone as well"
      : "nothing was read of it yet, and the stream's retention has passed since its records were to be read; the first " +
        "of them may be gone";
    return new SourceError(
      `Cannot read ${stream}/${partition}: ${missing}. Run again with another --name from the start, or raise the ` +
        "retention before",
      { code: "E_GAP", stream, partition, offset: from },
    );
  }

  #explain(cause: Error): SourceError {
    const { stream, region } = this.#options;
    return new SourceError(`Cannot read kinesis://${region}/${stream}: ${streamReasonOf(cause, this.#options)}`, {
      code: isMissing(cause)
        ? "E_STREAM_MISSING"
        : isPassingHere(cause)
        ? "E_SOURCE_UNREACHABLE"
        : "E_SOURCE_UNREADABLE",
      stream,
      cause,
    });
  }
}

function isPassingHere(error: unknown): boolean {
  return isPassing(error) || PASSING_HERE.some((name) => isNamed(error, name));
}

function hours(timeMs: number): string {
  return `${Math.round(timeMs / 3_600_000)} h`;
}
