/**
 * Produce requests around sealed batches: a body is a list of parts, fields and batches in turn, so batches stay where
 * they are. Version 7 is for transactions v1; with version 12 the broker adds the partition to the transaction (KIP-890).
 */

import type { BatchEncoder } from "./batch_encoder.ts";
import type { Outcome } from "./outcome.ts";
import { type Reader, Writer } from "./wire.ts";

/** What to write. */
export interface ProduceRequest {
  /** Null outside of transactions. */
  readonly transactionalId: string | null;
  /** At most one per partition. */
  readonly batches: readonly BatchEncoder[];
  readonly seal: (batch: BatchEncoder) => Uint8Array;
}

const ALL_REPLICAS = -1;
const TIMEOUT_MS = 30_000;

/** A request takes one batch per partition: more batches make more requests, in order. */
export function roundsOf(batches: readonly BatchEncoder[]): readonly (readonly BatchEncoder[])[] {
  const rounds: BatchEncoder[][] = [];
  const taken = new Map<string, number>();
  for (const batch of batches) {
    const name = `${batch.topic}/${batch.partition}`;
    const round = taken.get(name) ?? 0;
    taken.set(name, round + 1);
    (rounds[round] ??= []).push(batch);
  }
  return rounds;
}

/** The body of version 7. */
export function plainProduce({ transactionalId, batches, seal }: ProduceRequest): Uint8Array[] {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  const parts: Uint8Array[] = [];
  let fields = new Writer().string(transactionalId).int16(ALL_REPLICAS).int32(TIMEOUT_MS).int32(topics.size);
  for (const [topic, some] of topics) {
    fields.string(topic).int32(some.length);
    for (const batch of some) {
      parts.push(fields.int32(batch.partition).int32(batch.length).written, seal(batch));
      fields = new Writer();
    }
  }
  return parts;
}

/** The body of version 12. */
export function flexibleProduce({ transactionalId, batches, seal }: ProduceRequest): Uint8Array[] {
  const topics = Map.groupBy(batches, ({ topic }) => topic);
  const parts: Uint8Array[] = [];
  let fields = new Writer().compactString(transactionalId).int16(ALL_REPLICAS).int32(TIMEOUT_MS);
  fields.unsignedVarint(topics.size + 1);
  for (const [topic, some] of topics) {
    fields.compactString(topic).unsignedVarint(some.length + 1);
    for (const batch of some) {
      parts.push(fields.int32(batch.partition).unsignedVarint(batch.length + 1).written, seal(batch));
      fields = new Writer().noTags();
    }
    fields.noTags();
  }
  return [...parts, fields.noTags().written];
}

/** Reads the answer: an outcome per partition. */
export function decodeProduce(answer: Reader, isFlexible: boolean): readonly Outcome[] {
  const items = <Item>(read: () => Item): Item[] => isFlexible ? answer.compactArray(read) : answer.array(read);
  return items(() => {
    const topic = isFlexible ? answer.compactString() : answer.string();
    const outcomes = items((): Outcome => {
      const outcome = { act: `write to ${topic}/${answer.int32()}`, errorCode: answer.int16() };
      const placesAndTime = 24;
      answer.raw(placesAndTime);
      if (isFlexible) skipRecordErrors(answer);
      return outcome;
    });
    if (isFlexible) answer.tags();
    return outcomes;
  }).flat();
}

function skipRecordErrors(answer: Reader): void {
  answer.compactArray(() => {
    answer.int32();
    answer.compactString();
    answer.tags();
  });
  answer.compactString();
  answer.tags();
}
