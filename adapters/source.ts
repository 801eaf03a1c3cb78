/**
 * The source port: where records come from.
 *
 * A source reads half-open ranges and remembers nothing between reads: position, order and time are decided by the
 * controller. It never skips silently (I9): what it cannot read at a position it reports as an error that says why.
 */

import type { Batch } from "../engine/batch.ts";

/** What one read may bring. */
export interface ReadLimit {
  /** Records in one batch. */
  readonly recordsMax: number;
  /** A record longer than this still comes, alone. */
  readonly bytesMax: number;
  /**
   * Whether "nothing" must mean that there was nothing, not that it is still on its way: its records are merged with
   * those of other partitions by time, and what it has next must not come after theirs. A source need not wait for it
   * longer than {@linkcode KNOWN_MS_MAX}, so that a partition out of reach does not hold up the others for long.
   */
  readonly untilKnown?: boolean;
  /**
   * Whether what the source has found out so far does not count: records should be there that were read before, perhaps by
   * somebody else. "Nothing" then means that there is nothing; as long as the source does not know, it says so (`isUnsure`).
   */
  readonly looksAgain?: boolean;
  /** Aborts when the reader is to end: what passes (a server out of reach) is not waited for any more. */
  readonly leave?: AbortSignal;
}

/** See {@linkcode ReadLimit.untilKnown}. */
export const KNOWN_MS_MAX = 1000;

/** A partition of one of a source's streams. */
export interface SourcePartition {
  /** The name of the stream, the same wherever the run moves. */
  readonly stream: string;
  /** The partition within the stream. */
  readonly partition: string;
}

/**
 * `idle`: nothing there now, more may come; or, with `isUnsure`, nobody knows yet whether something is there. `ended`: nothing will ever come. `closed`: nothing will ever come, and other
 * partitions go on with its keys ({@linkcode Resharding}). `gap`: what was asked for is gone.
 */
export type ReadResult =
  | { readonly kind: "batch"; readonly batch: Batch }
  | { readonly kind: "idle"; readonly isUnsure?: boolean }
  | { readonly kind: "ended" }
  | { readonly kind: "closed" }
  | {
    readonly kind: "gap";
    /** The position of the first record that is left. */
    readonly to: bigint;
    /** Why the records before it are gone; ends a sentence. */
    readonly reason: string;
  };

/**
 * How partitions come out of each other, where they split and merge while they are read. A partition is read once all that
 * came before it is committed, and what a task kept under its keys follows them.
 */
export interface Resharding {
  /** The position of the oldest record: where a partition is begun that came out of others. */
  readonly beginning: bigint;
  /** The position behind the last record of a partition that was closed. */
  readonly end: bigint;
  /** The partitions that a run begins with; those that come out of them follow. */
  begin(): Promise<readonly SourcePartition[]>;
  /** The partitions whose keys `at` goes on with, as far as is known from the last `partitions()`. */
  parents(at: SourcePartition): readonly SourcePartition[];
  /** Whether records with `key` go to `at`, by the last `partitions()`. */
  holds(at: SourcePartition, key: string): boolean;
  /** The anchor of the beginning of `at`, from those of the ends of its parents. */
  inherit?(at: SourcePartition, parents: readonly ParentEnd[]): string | undefined;
}

/** The end of a partition that was closed. */
export interface ParentEnd {
  /** The partition. */
  readonly at: SourcePartition;
  /** See `Batch.anchor`. */
  readonly anchor: string | undefined;
}

/** Streams to read from: one as a rule. */
export interface Source {
  /** What must be the same for a run to go on with these streams, such as the absolute path. */
  readonly identity: string;
  /** False when a range can be read only once; the journal then keeps the inputs. */
  readonly isRereadable: boolean;
  /** Whether records carry an event time. */
  readonly hasEventTime: boolean;
  /** Present where partitions split and merge. */
  readonly resharding?: Resharding;
  /** The partitions there are now, in code unit order of stream and partition; there may be more later. */
  partitions(): Promise<readonly SourcePartition[]>;
  /**
   * The position where a run begins that has not read the partition yet; it is journaled before anything is read.
   *
   * @throws {SourceError} with code `E_START` when it was given and lies behind the end
   */
  start(at: SourcePartition): Promise<bigint>;
  /**
   * The position where a run begins in a partition that came after the run did: its very first record, whether that is
   * still there or not. Unless given, {@linkcode start}.
   */
  startOfAdded?(at: SourcePartition): Promise<bigint>;
  /** What {@linkcode verify} needs to know of the position that `start` gave last, where that is anything. */
  startAnchor?(at: SourcePartition): string | undefined;
  /**
   * The anchor of the position behind the first `rows` of a batch that was read: a feed may end there. Without it nobody
   * would notice, when reading goes on there later, that something is gone.
   */
  anchorAt?(batch: Batch, rows: number): string | undefined;
  /** The position behind the last record there is now, where that is known: it tells how far a reader has come. */
  latest?(at: SourcePartition): Promise<bigint | undefined>;
  /** How many records there are behind `position`, where offsets do not count them; `anchor` is the one of `position`. */
  lag?(at: SourcePartition, position: bigint, anchor: string | undefined): Promise<bigint | undefined>;
  /** For how long the first record behind `position` has been there, where that is known and records are not counted. */
  behindMs?(at: SourcePartition, position: bigint): Promise<number | undefined>;
  /** A position as people know it, where that is no number. */
  positionText?(position: bigint): string;
  /**
   * Checks that the partition still holds what was read before `position`, where the reader goes on, be it behind what it
   * has read so far.
   *
   * @throws {SourceError} with code `E_SOURCE_CHANGED` when it does not
   */
  verify(at: SourcePartition, position: bigint, anchor: string | undefined): Promise<void>;
  /** Reads what is there at `from`; waits for nothing. The batch belongs to the caller from here on. */
  read(at: SourcePartition, from: bigint, limit: ReadLimit): Promise<ReadResult>;
  /** Resolves when one of the idle partitions `at` may have more, at the latest when `signal` aborts. */
  waitForMore(at: readonly SourcePartition[], signal: AbortSignal): Promise<void>;
  /** Everything before `position` is committed and will not be read again by this run. */
  release?(at: SourcePartition, position: bigint): void;
  /** Gives back what is open. */
  close(): Promise<void>;
}

/** What a {@linkcode SourceError} carries. */
export interface SourceErrorData {
  /** A stable identifier of the reason. */
  readonly code: string;
  /** The name of the stream. */
  readonly stream: string;
  /** The partition within the stream. */
  readonly partition?: string;
  /** The place in the partition. */
  readonly offset?: bigint;
  /** What was caught. */
  readonly cause?: unknown;
}

/** Something is wrong with a source; a retry will not help. */
export class SourceError extends Error {
  /** The name of the class. */
  override readonly name = "SourceError";
  /** A stable identifier of the reason. */
  readonly code: string;
  /** The name of the stream. */
  readonly stream: string;
  /** The partition within the stream. */
  readonly partition: string | undefined;
  /** The place in the partition. */
  readonly offset: bigint | undefined;

  /** The message says what is, what is wanted, and what to do next. */
  constructor(message: string, data: SourceErrorData) {
    super(message, { cause: data.cause });
    this.code = data.code;
    this.stream = data.stream;
    this.partition = data.partition;
    this.offset = data.offset;
  }
}
