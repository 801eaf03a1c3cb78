/**
 * The task store port: what a task needs to go on in another process, on another machine.
 *
 * Each process has a journal of its own; a store has what all of them have to know. A feed is appended to it before its
 * outputs are sent, so whoever takes the task over has the feed whose outputs may be out, and runs it again. Leases
 * (lease_table.ts) say who tries; that only one succeeds is the store's doing: a task has a fence, and what an older owner
 * appends is refused.
 */

/** What a store has of a task: the last base, and the feeds behind it, as the controller packed them. */
export interface StoredTask {
  /** The last feed; what the base says when there is none behind it. */
  readonly seq: number;
  /** The state that it goes on from. */
  readonly base: Uint8Array;
  /** In order, up to `seq`. */
  readonly feeds: readonly Uint8Array[];
}

/** A task in the hands of its owner. */
export interface TaskHold {
  /** The last feed that is stored; undefined when nothing is. */
  readonly seq: number | undefined;
  /** What is stored. */
  load(): Promise<StoredTask | undefined>;
  /**
   * Appends feed `seq`, which follows the last; durable when it resolves.
   *
   * @throws {TaskStoreError} with code `E_FENCED` when another owner has taken the task over
   */
  append(seq: number, feed: Uint8Array): Promise<void>;
  /**
   * Stores the state after feed `seq`, the last: those up to it are not needed any more. Also how a task begins.
   *
   * @throws {TaskStoreError} with code `E_FENCED` when another owner has taken the task over
   */
  rebase(seq: number, base: Uint8Array): Promise<void>;
  /**
   * Makes sure that the task is still in these hands.
   *
   * @throws {TaskStoreError} with code `E_FENCED` when another owner has taken the task over
   */
  verify(): Promise<void>;
}

/** The tasks of a run, as all processes see them. */
export interface StoredPlan {
  /** Rises with every change. */
  readonly version: number;
  /** What the controller made of it. */
  readonly text: string;
}

/** A place that the processes of a run share. */
export interface TaskStore {
  /** Shown to people. */
  readonly description: string;
  /** The plan; undefined for a run that is new. */
  plan(): Promise<StoredPlan | undefined>;
  /** Replaces the plan of version `version` (0 for none) by the next; false when another process was first. */
  proposePlan(version: number, text: string): Promise<boolean>;
  /** Takes a task over: what older owners append from here on is refused. */
  acquire(task: string): Promise<TaskHold>;
  /** What is stored of a task, without taking it over. */
  peek(task: string): Promise<StoredTask | undefined>;
  /** Keeps code for those who do not have it. */
  putCode(hash: string, text: string): Promise<void>;
  /** What {@linkcode TaskStore.putCode} kept. */
  code(hash: string): Promise<string | undefined>;
  /** Gives back what is open. */
  close(): Promise<void>;
}

/** Something is wrong with a store, or with an owner. */
export class TaskStoreError extends Error {
  /** The name of the class. */
  override readonly name = "TaskStoreError";
  /** A stable identifier of the reason. */
  readonly code: "E_FENCED" | "E_STORE_UNREACHABLE" | "E_STORE_DAMAGED" | "E_STORE_TOO_SMALL" | "E_NOT_SETTLED";
  /** The name of the task, where it is one's. */
  readonly task: string | undefined;

  /** The message says what is, what is wanted, and what to do next. */
  constructor(
    message: string,
    data: { readonly code: TaskStoreError["code"]; readonly task?: string; readonly cause?: unknown },
  ) {
    super(message, { cause: data.cause });
    this.code = data.code;
    this.task = data.task;
  }
}
