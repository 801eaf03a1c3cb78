/** What brokers say about each thing of a request, and asking again while an earlier transaction is being ended. */

import { CODE, KafkaError } from "./kafka_error.ts";

const CONCURRENT_TIMEOUT_MS = 30_000;
const CONCURRENT_RETRY_MS_MAX = 100;

/** What a broker said about one thing of a request. */
export interface Outcome {
  /** Ends the sentence "Cannot …". */
  readonly act: string;
  readonly errorCode: number;
}

/**
 * Asks again while an earlier transaction is being ended: nothing was done, and what was written is known again by its
 * sequence. kafkajs waits 300 ms, a broker with v2 by itself 20 ms; one or two are enough.
 *
 * @throws {KafkaError} for any other error
 */
export async function untilDone(attempt: () => Promise<readonly Outcome[]>): Promise<void> {
  const deadlineMs = performance.now() + CONCURRENT_TIMEOUT_MS;
  for (let waitMs = 1;; waitMs = Math.min(2 * waitMs, CONCURRENT_RETRY_MS_MAX)) {
    const failed = (await attempt()).filter(({ errorCode }) => errorCode !== 0);
    if (failed.length === 0) return;
    const isLate = performance.now() > deadlineMs;
    const final = failed.find(({ errorCode }) => errorCode !== CODE.concurrentTransactions || isLate);
    if (final) throw new KafkaError(final.errorCode, final.act);
    await pause(waitMs);
  }
}

function pause(timeMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, timeMs));
}
