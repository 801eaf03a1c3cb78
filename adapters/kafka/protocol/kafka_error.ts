/** Error codes in answers of brokers. */

/** The codes that a source or sink meets. Those above 88 are unknown to kafkajs 2.2.4. */
export const CODE = {
  offsetOutOfRange: 1,
  unknownTopicOrPartition: 3,
  leaderNotAvailable: 5,
  notLeaderOrFollower: 6,
  requestTimedOut: 7,
  messageTooLarge: 10,
  coordinatorLoadInProgress: 14,
  coordinatorNotAvailable: 15,
  notCoordinator: 16,
  recordListTooLarge: 18,
  topicAuthorizationFailed: 29,
  groupAuthorizationFailed: 30,
  invalidProducerEpoch: 47,
  invalidTransactionState: 48,
  invalidProducerIdMapping: 49,
  invalidTransactionTimeout: 50,
  concurrentTransactions: 51,
  transactionalIdAuthorizationFailed: 53,
  fencedLeaderEpoch: 74,
  producerFenced: 90,
} as const;

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
