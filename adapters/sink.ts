/**
 * The sink port: where outputs go.
 *
 * The *home* of the checkpoint is the system that makes outputs and checkpoint visible together (I2). A sink that can
 * do that itself is its own home. For the others the journal is: they write, and what they need to find their way back
 * (a receipt, such as a file's length) is journaled; at the next start they return to the last settled receipt, and the
 * feed after it is run and written again with identical bytes.
 */

import type { PackedOutputs } from "../engine/output.ts";

/** What a sink promises. */
export type Guarantee = "exactly-once" | "at-least-once";

/** What a sink needs to return to the place after a commit; JSON. */
export type Receipt = Readonly<Record<string, string | number>>;

/** How far a task has come in a sink. */
export interface Checkpoint {
  /** The feed, counted from 0 within the task. */
  readonly seq: number;
  /** The fencing token of the task's owner. */
  readonly epoch: bigint;
  /** What the sink answered to that commit. */
  readonly receipt: Receipt;
  /**
   * The digest chain after the feed, hexadecimal: for a sink whose system may lose commits that it acknowledged. It proves
   * that they were this run's, and may be made again.
   */
  readonly digest?: string;
  /** In what the journal knows: no later feed was prepared, so whatever lies behind it in the sink is somebody else's. */
  readonly isLast?: boolean;
}

/** What {@linkcode Sink.acquire} found. */
export interface Acquired {
  /** The fencing token of the task's owner. */
  readonly epoch: bigint;
  /** The last feed whose outputs are in the sink. */
  readonly checkpoint: Checkpoint | undefined;
}

/** How far a task has come in one of its streams. */
export interface CommitPosition {
  /** `Source.identity` of where the stream is read. */
  readonly source: string;
  /** The name of the stream. */
  readonly stream: string;
  /** The partition within the stream. */
  readonly partition: string;
  /** The next offset to read. */
  readonly position: bigint;
}

/** The outputs of one feed. */
export interface Commit {
  /** Tells the run from every other, also from one of the same name that was begun anew. */
  readonly run: string;
  /** The name of the task. */
  readonly task: string;
  /** The feed, counted from 0 within the task. */
  readonly seq: number;
  /** The fencing token of the task's owner. */
  readonly epoch: bigint;
  /** What the feed emitted; a sink that needs it after the commit copies it. */
  readonly outputs: PackedOutputs;
  /** The names that `outputs.names` counts: all outputs of the processor. */
  readonly outputNames: readonly string[];
  /** Where the task stands after the feed. */
  readonly positions: readonly CommitPosition[];
  /** The digest chain after the feed. */
  readonly digest: Uint8Array;
}

/** A place to write to. */
export interface Sink {
  /** What is promised to readers of the outputs. */
  readonly guarantee: Guarantee;
  /** Which system keeps the checkpoint. */
  readonly home: "journal" | "sink";
  /** Shown to people. */
  readonly description: string;
  /** True when the outputs of several tasks may go to it side by side. */
  readonly takesManyTasks: boolean;
  /** What one feed should hold at most, where a larger commit would keep the system from its other clients. */
  readonly feedLimit?: { readonly recordsMax: number; readonly bytesMax: number };
  /**
   * How many feeds of one task may be on their way to it, one unless given. It takes them in order: when it refuses one,
   * it refuses those behind it. Its checkpoints have digests.
   */
  readonly commitsInFlightMax?: number;
  /**
   * Makes what is missing where outputs go. Called before the first `acquire`, once it is certain that the run goes ahead:
   * a start that is refused leaves nothing behind.
   *
   * @param tasks how many tasks the run has, unless more partitions come
   * @throws {SinkError} when it cannot be made
   */
  prepare?(tasks: number): Promise<void>;
  /**
   * Takes over the task (I4): older owners cannot commit any more, and what was written after the checkpoint is gone.
   *
   * @param settled what the journal knows; the answer for a sink whose home is the journal
   */
  acquire(task: string, epoch: bigint, settled: Checkpoint | undefined): Promise<Acquired>;
  /**
   * Makes the outputs durable; only ever called with `seq` one above that of the last call (I3).
   *
   * @throws {SinkError} with `isRetriable` when the outcome is unknown: the owner acquires again and looks (I5)
   */
  commit(commit: Commit): Promise<Receipt>;
  /**
   * For a sink whose system may lose what it acknowledged: aborts when that may have happened to what this task committed, so
   * that a task that has nothing to commit acquires again, and looks.
   */
  mayHaveLost?(task: string): AbortSignal;
  /** The task has left this process: a later `acquire` of it is that of a new owner. */
  release?(task: string): void;
  /** Gives back what is open. */
  close(): Promise<void>;
}

/** What a {@linkcode SinkError} carries. */
export interface SinkErrorData {
  /** A stable identifier of the reason. */
  readonly code: string;
  /** Whether the reader of the outputs has gone. */
  readonly isClosed?: boolean;
  /** Whether to acquire again and look what was committed. */
  readonly isRetriable?: boolean;
  /** The name of the task. */
  readonly task?: string;
  /** The feed, counted from 0 within the task. */
  readonly seq?: number;
  /** What was caught. */
  readonly cause?: unknown;
}

/** Something is wrong with a sink. */
export class SinkError extends Error {
  /** The name of the class. */
  override readonly name = "SinkError";
  /** A stable identifier of the reason. */
  readonly code: string;
  /** The reader of the outputs has gone (a closed pipe): the run ends quietly. */
  readonly isClosed: boolean;
  /** The sink could not be reached, or did not say what it did: acquire again and look what was committed. */
  readonly isRetriable: boolean;
  /** The name of the task, where it is one's. */
  readonly task: string | undefined;
  /** The feed, where it is one's. */
  readonly seq: number | undefined;

  /** The message says what is, what is wanted, and what to do next. */
  constructor(message: string, data: SinkErrorData) {
    super(message, { cause: data.cause });
    this.code = data.code;
    this.isClosed = data.isClosed ?? false;
    this.isRetriable = data.isRetriable ?? false;
    this.task = data.task;
    this.seq = data.seq;
  }
}
