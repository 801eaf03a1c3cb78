/** What can stop a task, with the data to act on. */

import type { Failure } from "../engine/failure.ts";

/** Where a task stopped. */
export interface StopPlace {
  readonly run: string;
  readonly task: string;
  readonly processor: string;
  readonly seq: number;
  readonly stream?: string;
  readonly partition?: string;
  readonly offset?: bigint;
}

/** The processor failed on a record and the policy is `halt`. */
export class ProcessorFailed extends Error {
  override readonly name = "ProcessorFailed";
  readonly code = "E_PROCESSOR_FAILED";
  readonly place: StopPlace;
  readonly failure: Failure;

  constructor(place: StopPlace, failure: Failure) {
    const { stream, partition, offset, processor } = place;
    const where = offset === undefined ? `its ${failure.kind}` : `${stream}/${partition}@${offset}`;
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
