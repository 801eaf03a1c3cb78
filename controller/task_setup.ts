/** Everything that a task needs. */

import type { Source } from "../adapters/source.ts";
import type { ErrorPolicy } from "../engine/failure.ts";
import type { LogLine } from "../engine/report.ts";
import type { Clock } from "./clock.ts";
import type { EffectHandlers } from "./effects.ts";
import type { Journal, JournaledCode, PreparedFeed, Progress, Run, TaskJournal } from "./journal/journal.ts";
import type { Limits } from "./limits.ts";
import type { Permits } from "./permits.ts";
import type { Route } from "./routing.ts";
import type { Sandbox } from "./sandbox/sandbox.ts";

/** Which inputs the journal keeps: those that cannot be read again, all, or none. */
export type CapturePolicy = "auto" | "all" | "none";

/** The steps of a feed's life, in order. */
export type FeedStep = "sealed" | "processed" | "prepared" | "committed" | "settled";

/** A feed that was committed. */
export interface Committed {
  /** Records processed. */
  readonly records: number;
  /** Outputs committed. */
  readonly outputs: number;
  /** Where each partition of the task stands. */
  readonly progress: ReadonlyMap<string, Progress>;
}

/** What may be watched while tasks run. */
export interface Observer {
  /** After a step of a feed. */
  onStep?(step: FeedStep, task: string, seq: number): void;
  /** After a feed is committed. */
  onCommit?(task: string, committed: Committed): void;
  /** For each line that a processor logged. */
  onLog?(task: string, line: LogLine): void;
  /** Something a person should know, in one line. */
  onNotice?(text: string): void;
}

/** Where feeds are kept for other processes as well. */
export interface StoredTaskLog {
  /**
   * Keeps a feed, and where the task stands after it; nothing of it may be seen outside before that.
   *
   * @throws {TaskStoreError} with code `E_FENCED` when another process has taken the task over
   */
  append(feed: PreparedFeed, progress: ReadonlyMap<string, Progress>): Promise<void>;
  /** @throws {TaskStoreError} with code `E_FENCED` when another process has taken the task over */
  verify(): Promise<void>;
}

/** Everything that a task needs. */
export interface TaskSetup {
  readonly run: Run;
  readonly journal: Journal;
  readonly taskJournal: TaskJournal;
  /** What other processes need to go on with the task, where it may move to them. */
  readonly stored?: StoredTaskLog | undefined;
  /** Brings back what the tasks whose keys it goes on with have lost since: its outputs come behind theirs. */
  readonly before?: (() => Promise<void>) | undefined;
  readonly code: JournaledCode;
  readonly sources: ReadonlyMap<string, Source>;
  readonly routes: readonly Route[];
  /** The sandbox of this task; another one when the last died. */
  readonly sandbox: () => Sandbox;
  readonly clock: Clock;
  readonly limits: Limits;
  /** Shared by all tasks of the run: how many feeds they have under way together. */
  readonly permits: Permits;
  readonly onError: ErrorPolicy;
  readonly capture: CapturePolicy;
  /** Whether a task goes on behind records that were trimmed before it read them. */
  readonly acceptsGaps: boolean;
  readonly effects: EffectHandlers;
  readonly environment: Readonly<Record<string, string>>;
  readonly observer: Observer;
  /** Aborts when the task is to stop: what is under way is finished and committed. */
  readonly stop: AbortSignal;
  /** Aborts when that must not take long: a sink that cannot be reached is not waited for. */
  readonly hurry: AbortSignal;
  /** Aborts when the whole run is to end: what is being read, from a system out of reach perhaps, is not waited for. */
  readonly leave: AbortSignal;
}
