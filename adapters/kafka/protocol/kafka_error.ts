/** Error codes in answers of brokers. */

/** The codes that a source or sink meets. Those above 88 are unknown to kafkajs 2.2.4. */
export const CODE = {
  offsetOutOfRange: 1,
  corruptMessage: 2,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  brokerNotAvailable: 8,
  replicaNotAvailable: 9,
  messageTooLarge: 10,
  networkException: 13,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  invalidTopic: 17,
  recordListTooLarge: 18,
  notEnoughReplicas: 19,
  notEnoughReplicasAfterAppend: 20,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  clusterAuthorizationFailed: 31,
  invalidTimestamp: 32,
  unsupportedVersion: 35,
  invalidPartitions: 37,
  invalidReplicationFactor: 38,
  invalidConfig: 40,
  policyViolation: 44,
  invalidRecord: 87,
  outOfOrderSequence: 45,
  duplicateSequence: 46,
  invalidProducerEpoch: 47,
  invalidTransactionState: 48,
  invalidProducerIdMapping: 49,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  transactionalIdAuthorizationFailed: 53,
  kafkaStorageError: 56,
  unknownProducerId: 59,
  fencedLeaderEpoch: 74,
  unknownLeaderEpoch: 75,
  unstableOffsetCommit: 88,
  producerFenced: 90,
  unknownTopicId: 100,
  transactionAbortable: 120,
} as const;

/** Another attempt may help: leaders and coordinators move, replicas catch up, disks are replaced. */
const PASSING: ReadonlySet<number> = new Set([
  CODE.unknownTopicOrPartition,
  CODE.leaderNotAvailable,
  CODE.notLeaderOrFollower,
  CODE.requestTimedOut,
  CODE.brokerNotAvailable,
  CODE.replicaNotAvailable,
  CODE.networkException,
  CODE.coordinatorLoadInProgress,
  CODE.coordinatorNotAvailable,
  CODE.notCoordinator,
  CODE.notEnoughReplicas,
  CODE.notEnoughReplicasAfterAppend,
  CODE.concurrentTransactions,
  CODE.kafkaStorageError,
  CODE.fencedLeaderEpoch,
  CODE.unknownLeaderEpoch,
  CODE.unstableOffsetCommit,
]);

/** Whether another attempt may help, with other connections, leaders or coordinators. */
export function isPassing(error: unknown): boolean {
  if (error instanceof KafkaError) return PASSING.has(error.errorCode);
  const { name = "", retriable, cause } = error as { name?: string; retriable?: boolean; cause?: unknown };
  if (name === "KafkaJSNumberOfRetriesExceeded" && cause) return isPassing(cause);
  return retriable === true && name.startsWith("KafkaJS");
}

/** Whether nobody answered in time. */
export function isTimeout(error: unknown): boolean {
  return (error as { readonly name?: unknown }).name === "KafkaJSRequestTimeoutError";
}

/** What kafkajs tells of several things that were refused at once; what each was refused for is not in its message. */
export function refusalsIn(error: unknown): readonly { readonly code: number }[] {
  const { name, errors = [] } = error as { name?: string; errors?: readonly { readonly code: number }[] };
  return name === "KafkaJSAggregateError" ? errors : [];
}

const NAMES = new Map<number, string>(
  Object.entries(CODE).map(([name, code]) => [code, name.replace(/[A-Z]/g, "_$&").toUpperCase()]),
);

/** A broker answered with an error. */
export class KafkaError extends Error {
  override readonly name = "KafkaError";
  readonly code = "E_KAFKA";
  /** The protocol's number of the error. */
  readonly errorCode: number;

  /** `act` ends the sentence "Cannot …". */
  constructor(errorCode: number, act: string) {
    super(`Cannot ${act}: the broker answered ${NAMES.get(errorCode) ?? "an error"} (${errorCode})`);
    this.errorCode = errorCode;
  }
}

/** @throws {KafkaError} unless `errorCode` is 0 */
export function check(errorCode: number, act: string): void {
  if (errorCode !== 0) throw new KafkaError(errorCode, act);
}
