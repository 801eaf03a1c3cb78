/**
 * The journal port: the durable log of feeds and what they did.
 *
 * Everything is written per feed, in one durable transaction (I1). A reader checks what it reads: a journal that was
 * damaged answers with an error and never with something else. SQLite is the first implementation (sqlite_journal.ts).
 */

import type { Receipt } from "../../adapters/sink.ts";
import type { SourcePartition } from "../../adapters/source.ts";
import type { Batch } from "../../engine/batch.ts";
import type { ClockPolicy } from "../../engine/clock.ts";
import type { EffectRequest } from "../../engine/effects.ts";
import type { Failure } from "../../engine/failure.ts";
import type { TaskState } from "../sandbox/protocol.ts";

/**
 * So many feeds at the end of a journal may be unsettled: on their way to the sinks (`Sink.commitsInFlightMax`). Rewinds
 * come on top, whose sinks learn of them when the task is run next.
 */
export const UNSETTLED_FEEDS_MAX = 4;

/** In the detail of a start: the store through which several processes share the run. */
export const SHARED_THROUGH = "store";

/** How `FeedEntry.givenUp` begins where the task was rewound. */
export const REWOUND_TO = "rewound to feed ";

/** What fixes a run for its whole life. */
export interface RunSpec {
  readonly name: string;
  readonly processor: string;
  readonly seed: number;
  readonly clock: ClockPolicy;
  /** Input name → identity of its stream. */
  readonly sources: Readonly<Record<string, string>>;
  /** Input name → the URI that opens its source again, from any folder. */
  readonly uris: Readonly<Record<string, string>>;
  /** Output name → description of its sink. */
  readonly sinks: Readonly<Record<string, string>>;
  readonly createdMs: number;
}

/** A run in a journal. */
export interface Run extends RunSpec {
  readonly id: number;
}

/** A bundle as the journal keeps it. */
export interface JournaledCode {
  readonly hash: string;
  readonly bundle: string;
  readonly sourceMap: string;
  readonly script: string;
}

/** A partition of one of a run's streams. */
export interface TaskPartition extends SourcePartition {
  readonly input: string;
}

/** A partition that a new task is given, and where it begins there. */
export interface StartedPartition extends TaskPartition {
  readonly start: bigint;
  /** See `Source.startAnchor`. */
  readonly anchor?: string;
}

/** A task of a run. */
export interface Task {
  readonly id: number;
  readonly name: string;
  readonly partitions: readonly TaskPartition[];
  /** `partitionKey` → where the task began; missing in journals of before 0.2, where it was the earliest record. */
  readonly starts: ReadonlyMap<string, Progress>;
  /** The tasks whose keys it goes on with: they do nothing any more. */
  readonly predecessors: readonly string[];
}

/** The tasks that no other one goes on for. */
export function livingTasks(tasks: readonly Task[]): readonly Task[] {
  const retired = new Set(tasks.flatMap(({ predecessors }) => predecessors));
  return tasks.filter(({ name }) => !retired.has(name));
}

/** One owner's time with a task. */
export interface Epoch {
  readonly epoch: bigint;
  readonly openedMs: number;
  readonly codeHash: string;
  /** What may change results besides code and inputs; see environment.ts. */
  readonly environment: Readonly<Record<string, string>>;
  /** Options that may change results, such as the error policy. */
  readonly config: Readonly<Record<string, string>>;
}

/** A range of one partition that a feed covers. */
export interface Range extends TaskPartition {
  readonly from: bigint;
  /** The position after the last record. */
  readonly to: bigint;
  readonly records: number;
  readonly timeMs: number;
  /** The event time of its last record, where that has one: it tells how old records were when they were fed. */
  readonly eventTimeMs?: number;
  /** See `Batch.anchor`; of `to`. */
  readonly anchor?: string;
  /** See `Batch.repeats`. */
  readonly repeats?: readonly bigint[];
}

/** How far a task has come in one partition. */
export interface Progress {
  /** The offset of the next record. */
  readonly position: bigint;
  /** See `Batch.anchor`. */
  readonly anchor?: string;
}

/** What a journal knows of a feed without its digests per unit. */
export interface FeedEntry {
  readonly seq: number;
  readonly epoch: bigint;
  readonly ranges: readonly Range[];
  readonly tickMs?: number;
  readonly isEnd: boolean;
  /** The realm was born just before this feed: a replay can start here. */
  readonly isReborn: boolean;
  readonly records: number;
  readonly outputs: number;
  /** Records (and timers, and hooks) that failed and were given up on. */
  readonly failures: number;
  /** How many of them became dead letters. */
  readonly letters: number;
  /** Logical time after the feed. */
  readonly nowMs: number;
  readonly isStarted: boolean;
  readonly chain: Uint8Array;
  readonly inputDigest: Uint8Array;
  /** Present when nothing was processed: the record killed its sandbox and was given up on, or the task was rewound. */
  readonly givenUp?: string;
  /** Output name → receipt, once the sinks have the feed's outputs. */
  readonly receipts?: Readonly<Record<string, Receipt>>;
}

/** A record that was given up on. */
export interface DeadLetter {
  readonly range: TaskPartition & { readonly offset: bigint };
  readonly key: string | null;
  readonly value: Uint8Array | null;
  /** What travelled beside them; absent where there was nothing. */
  readonly envelope?: RecordEnvelope;
  readonly failure: Failure;
}

/** What a record has besides key and value. */
export interface RecordEnvelope {
  /** As JSON (`headersToJson`). */
  readonly headers?: string;
  readonly eventTimeMs?: number;
}

/** A dead letter as the journal keeps it. */
export interface JournaledDeadLetter extends DeadLetter {
  readonly id: number;
  readonly task: string;
  readonly seq: number;
  readonly redrivenMs: number | undefined;
}

/** Everything about a feed that becomes durable before any of it can be seen outside. */
export interface PreparedFeed extends FeedEntry {
  readonly unitDigests: Uint32Array;
  readonly changes: TaskState;
  readonly deadLetters: readonly DeadLetter[];
  /** The inputs themselves, when they are to be kept. */
  readonly captured: readonly Batch[] | undefined;
  /** A part of the state, when a snapshot is being taken. */
  readonly snapshotPart: SnapshotPart | undefined;
}

/** A feed with all that a journal has of it. */
export interface JournaledFeed {
  readonly feed: PreparedFeed;
  readonly effects: readonly JournaledEffect[];
  readonly progress: ReadonlyMap<string, Progress>;
}

/** What another process had of a task. */
export interface AdoptedTask {
  /** The feed before the first of `feeds`; undefined when they begin with the task. */
  readonly before: FeedEntry | undefined;
  /** State and timers before the first of `feeds`. */
  readonly state: Iterable<TaskState>;
  /** Where the task stood then. */
  readonly progress: ReadonlyMap<string, Progress>;
  readonly feeds: readonly JournaledFeed[];
  /** How many at the end may be missing from the sinks. */
  readonly unsettledMax: number;
}

/** A part of a snapshot; see `KeyedState.copy`. */
export interface SnapshotPart {
  /** The feed after which the first part was taken. */
  readonly beginSeq: number;
  readonly part: number;
  readonly state: TaskState;
  readonly isLast: boolean;
}

/** An effect and its answer. */
export interface JournaledEffect extends EffectRequest {
  readonly ok: boolean;
  readonly text: string;
}

/** What happened to a run or task besides feeds. */
export interface JournalEvent {
  readonly kind:
    | "started"
    | "resumed"
    | "code changed"
    | "config changed"
    | "partitions added"
    | "resharded"
    | "gap accepted"
    | "sink rewound"
    | "rewound"
    | "exported"
    | "halted"
    | "ended"
    | "stopped"
    | "pruned";
  readonly task?: string;
  readonly seq?: number;
  readonly atMs: number;
  readonly detail: Readonly<Record<string, unknown>>;
}

/** The journal of one task, in the hands of the task's owner or of a reader. */
export interface TaskJournal {
  readonly task: Task;
  lastFeed(): FeedEntry | undefined;
  progress(): ReadonlyMap<string, Progress>;
  epochs(): readonly Epoch[];
  openEpoch(epoch: Omit<Epoch, "epoch">): bigint;
  /** The first feed that can be replayed: what was pruned left one feed, as the place to start from. */
  firstReplayable(): number;
  /** The last feed at or before `seq`, among those that can be replayed, before which the realm was born. */
  birthBefore(seq: number): number;
  /** Feeds `[from, to)` in order. */
  feeds(from: number, to: number): Iterable<FeedEntry>;
  unitDigests(seq: number): Uint32Array;
  effects(seq: number): readonly JournaledEffect[];
  captured(seq: number): readonly Batch[] | undefined;
  /** What feed `seq` changed in state and timers. */
  changes(seq: number): TaskState;
  /** Feeds in `[from, to)` that may have changed the key `key`, the newest first; a text is looked for, no more. */
  feedsNaming(key: string, from: number, to: number): Iterable<number>;
  /** State and timers as they were before feed `seq`, in the order in which they are to be restored. */
  stateBefore(seq: number): Iterable<TaskState>;
  /** Journals what feed `seq` asked for before its answers are delivered. */
  recordEffects(seq: number, effects: readonly JournaledEffect[]): void;
  /**
   * A feed, and where the task stands after it; what was settled goes with it. It is written when this returns, in one
   * transaction, and durable when it resolves; feeds become durable in order.
   *
   * @throws {JournalError} at once when it cannot be written
   */
  prepare(feed: PreparedFeed, progress: ReadonlyMap<string, Progress>): Promise<void>;
  /**
   * Begins an empty journal in the middle: `before` is the feed before the first one, and `state` what it left. Its
   * receipts are what sinks need to go on. A task that goes on for others has it as feed -1.
   */
  beginAt(before: FeedEntry, unitDigests: Uint32Array, state: Iterable<TaskState>): void;
  /** Forgets the feeds that are here, and goes on from what another process had. */
  adopt(task: AdoptedTask): void;
  /** Notes that the sinks have feed `seq`; durable with the next `prepare` or `flush`. */
  settle(seq: number, receipts: Readonly<Record<string, Receipt>>): void;
  /** Makes what was settled durable. */
  flush(): void;
}

/** A journal. */
export interface Journal {
  readonly path: string;
  /** Makes all that `work` writes durable at once, or none of it. */
  atomically<T>(work: () => T): T;
  runs(): readonly Run[];
  run(name: string): Run | undefined;
  createRun(spec: RunSpec): Run;
  /** Begins a run anew that has no feed yet: its tasks are forgotten, its events stay. */
  restartRun(run: Run, spec: RunSpec): Run;
  tasks(run: Run): readonly Task[];
  createTask(
    run: Run,
    name: string,
    partitions: readonly StartedPartition[],
    predecessors?: readonly string[],
  ): Task;
  task(task: Task): TaskJournal;
  putCode(code: JournaledCode): void;
  code(hash: string): JournaledCode;
  hasCode(hash: string): boolean;
  addEvent(run: Run, event: JournalEvent): void;
  events(run: Run): readonly JournalEvent[];
  deadLetters(run: Run): Iterable<JournaledDeadLetter>;
  /** Notes that a dead letter was processed again. */
  noteRedriven(id: number, atMs: number): void;
  close(): void;
}

/** Where a task stands behind a range. */
export function progressBehind(
  { to, anchor }: { readonly to: bigint; readonly anchor?: string | undefined },
): Progress {
  return anchor === undefined ? { position: to } : { position: to, anchor };
}

/** A journal that cannot be used, or an entry in it that cannot be trusted. */
export class JournalError extends Error {
  /** The name of the class. */
  override readonly name = "JournalError";
  /** A stable identifier of the reason. */
  readonly code: string;

  /** The message says what is, what is wanted, and what to do next. */
  constructor(message: string, data: { readonly code: string; readonly cause?: unknown }) {
    super(message, { cause: data.cause });
    this.code = data.code;
  }
}
