/** What brokers' answers mean for a commit: that it may have happened, that it never will, or that somebody else owns it. */

import { SinkError, type SinkErrorData } from "../sink.ts";
import { CODE, isPassing, KafkaError } from "./protocol/kafka_error.ts";

/** What a broker refused, told to those whose fault it need not be: each is to look, and to try again alone. */
export class SharedRefusal extends Error {
  override readonly name = "SharedRefusal";

  constructor(cause: Error) {
    super(`another task's outputs may be the reason: ${cause.message}`, { cause });
  }
}

const FENCED: ReadonlySet<number> = new Set([CODE.producerFenced, CODE.invalidProducerEpoch]);

/** Whether a newer producer has the transactional id, or the broker ended a transaction that took too long. */
export function isFenced(cause: unknown): boolean {
  return cause instanceof KafkaError && FENCED.has(cause.errorCode);
}

/** The transaction is over, or its producer was fenced; another one may do. */
const ENDS_TRANSACTION: ReadonlySet<number> = new Set([
  ...FENCED,
  CODE.outOfOrderSequence,
  CODE.duplicateSequence,
  CODE.invalidTransactionState,
  CODE.invalidProducerIdMapping,
  CODE.unknownProducerId,
  CODE.transactionAbortable,
]);

/** Whether another attempt may help, after fencing anew. */
export function mayPass(cause: unknown): boolean {
  return cause instanceof SharedRefusal || isPassing(cause) ||
    (cause instanceof KafkaError && ENDS_TRANSACTION.has(cause.errorCode));
}

/** Whose commit it was, and what was caught. */
export type Place = Omit<SinkErrorData, "code">;

/** Nobody knows whether it happened: acquire again and look. */
export function unknown(act: string, data: Place): SinkError {
  const message = `${act}: ${(data.cause as Error).message}`;
  return new SinkError(message, { ...data, code: "E_COMMIT_UNKNOWN", isRetriable: true });
}

/** What to do about a refusal. */
const ADVICE: ReadonlyMap<number, string> = new Map([
  [
    CODE.invalidTimestamp,
    "an output's time is too far from the broker's; see the topic's message.timestamp.after.max.ms",
  ],
  [
    CODE.topicAuthorizationFailed,
    "its user needs WRITE on outputs, and CREATE, ALTER, READ and WRITE on the checkpoints; see docs/KAFKA.md",
  ],
  [CODE.invalidConfig, "a ?topic.<setting>= is unknown to the broker, or cannot have that value"],
  [CODE.invalidPartitions, "give another ?partitions="],
  [CODE.invalidReplicationFactor, "give ?replicas=, no more than there are brokers"],
  [CODE.policyViolation, "the cluster's policy for new topics forbids it; ask who runs the cluster"],
  [CODE.transactionalIdAuthorizationFailed, "its user needs WRITE on the transactional id; see docs/KAFKA.md"],
  [CODE.groupAuthorizationFailed, "its user needs READ on the group, or add ?group=none to the URI"],
  [CODE.invalidTransactionTimeout, "lower ?transactionTimeoutMs=, or raise the broker's transaction.max.timeout.ms"],
]);

/** What is wrong, and what to do where that is known; ends a sentence. */
export function reasonOf(cause: unknown): string {
  const advice = cause instanceof KafkaError ? ADVICE.get(cause.errorCode) : undefined;
  return `${(cause as Error).message}${advice === undefined ? "" : `; ${advice}`}`;
}

/** It did not happen, and will not by trying again. */
export function refused(act: string, data: Place): SinkError {
  return new SinkError(`${act}: ${reasonOf(data.cause)}`, { ...data, code: "E_SINK_UNWRITABLE" });
}
