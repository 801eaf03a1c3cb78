/** What can stop a task, with the data to act on. */

import type { Failure } from "../engine/failure.ts";

/** Where a task stopped. */
export interface StopPlace {
  /** The name of the run. */
  readonly run: string;
  /** The name of the task. */
  readonly task: string;
  /** The name of the processor. */
  readonly processor: string;
  /** The feed, counted from 0 within the task. */
  readonly seq: number;
  /** The name of the stream. */
  readonly stream?: string;
  /** The partition within the stream. */
  readonly partition?: string;
  /** The place in the partition. */
  readonly offset?: bigint;
  /** The same as its system writes it. */
  readonly offsetText?: string;
}

/** The processor failed on a record and the policy is `halt`. */
export class ProcessorFailed extends Error {
  /** The name of the class. */
  override readonly name = "ProcessorFailed";
  /** A stable identifier of the reason. */
  readonly code = "E_PROCESSOR_FAILED";
  /** Where it stopped. */
  readonly place: StopPlace;
  /** What went wrong. */
  readonly failure: Failure;

  /** The message says what is, what is wanted, and what to do next. */
  constructor(place: StopPlace, failure: Failure) {
    const { stream, partition, offset, offsetText = String(offset), processor } = place;
    const where = offset === undefined ? `its ${failure.kind}` : `${stream}/${partition}@${offsetText}`;
    super(`Cannot process ${where} with ${processor}: ${failure.name}: ${failure.message}`);
    this.place = place;
    this.failure = failure;
  }
}

/** A recovered feed did not do what the journal says it did. */
export class RecoveryDiverged extends Error {
  override readonly name = "RecoveryDiverged";
  readonly code = "E_RECOVERY_DIVERGED";
  readonly seq: number;

  constructor(run: string, task: string, seq: number, reason: string) {
    super(
      `Cannot recover task ${task} of run ${run}: feed ${seq} did not give what was journaled (${reason}); ` +
        `see \`sluice replay ${run} --task ${task} --feeds ${seq}..${seq + 1}\``,
    );
    this.seq = seq;
  }
}

/** What a {@linkcode StateNotMovable} carries. */
export interface StateNotMovableData {
  readonly code: "E_STATE_CONFLICT" | "E_STATE_HOMELESS";
  /** The names of the tasks that hand over. */
  readonly tasks: readonly string[];
  /** The key of the state, or of the timer. */
  readonly key: string;
}

/** Partitions were split or merged, and what their tasks kept cannot follow. */
export class StateNotMovable extends Error {
  override readonly name = "StateNotMovable";
  readonly code: StateNotMovableData["code"];
  readonly tasks: readonly string[];
  readonly key: string;

  constructor(reason: string, { code, tasks, key }: StateNotMovableData) {
    super(
      `Cannot hand over the state of task ${tasks.join(" and ")}: ${
        JSON.stringify(key)
      } ${reason}; keep state under the ` +
        "keys of its records, or begin a run with --tasks 1, where all partitions share one state",
    );
    this.code = code;
    this.tasks = tasks;
    this.key = key;
  }
}
