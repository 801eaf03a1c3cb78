/**
 * Positions of a consumer group as part of a transaction: TxnOffsetCommit, version 5 with transactions v2 (the broker
 * adds the group to the transaction), version 3 after AddOffsetsToTxn without (KIP-447, KIP-890).
 *
 * Sluice's tasks are no members of the group: it shows ordinary tools how far a run has come, nothing reads it back.
 */

import type { ProducerIdentity } from "./batch_encoder.ts";
import type { Broker, Cluster } from "./cluster.ts";
import { type Outcome, untilDone } from "./outcome.ts";
import type { TransactionProtocol } from "./transaction_protocol.ts";
import { Writer } from "./wire.ts";

/** Where a group stands. */
export interface GroupOffsets {
  readonly group: string;
  readonly offsets: readonly { readonly topic: string; readonly partition: number; readonly position: bigint }[];
}

/** The transaction they are part of. */
export interface OffsetsTransaction {
  readonly cluster: Cluster;
  readonly coordinator: Broker;
  readonly protocol: TransactionProtocol;
  readonly transactionalId: string;
  readonly identity: ProducerIdentity;
}

const NO_GENERATION = -1;
const NO_LEADER_EPOCH = -1;

/** Adds `group` to the transaction. */
export async function sendOffsets(group: GroupOffsets, transaction: OffsetsTransaction): Promise<void> {
  const { cluster, protocol } = transaction;
  if (protocol === "v1") await addGroup(group, transaction);
  const coordinator = await cluster.coordinatorOf("group", group.group);
  const request = { name: "TxnOffsetCommit", key: 28, version: protocol === "v2" ? 5 : 3, isFlexible: true };
  const body = [commitRequest(group, transaction)];
  await untilDone(async () => {
    const answer = await coordinator.send({ ...request, body });
    answer.int32();
    return answer.compactArray(() => {
      const topic = answer.compactString();
      const outcomes = answer.compactArray((): Outcome => {
        const act = `commit the position of group ${group.group} in ${topic}/${answer.int32()}`;
        const outcome = { act, errorCode: answer.int16() };
        answer.tags();
        return outcome;
      });
      answer.tags();
      return outcomes;
    }).flat();
  });
}

function commitRequest({ group, offsets }: GroupOffsets, transaction: OffsetsTransaction): Uint8Array {
  const { transactionalId, identity } = transaction;
  const request = new Writer().compactString(transactionalId).compactString(group);
  request.int64(identity.producerId).int16(identity.epoch);
  const [noMember, noInstance, noMetadata] = ["", null, null];
  request.int32(NO_GENERATION).compactString(noMember).compactString(noInstance);
  request.compactArray([...Map.groupBy(offsets, ({ topic }) => topic)], ([topic, some]) => {
    request.compactString(topic).compactArray(some, ({ partition, position }) => {
      request.int32(partition).int64(position).int32(NO_LEADER_EPOCH).compactString(noMetadata).noTags();
    }).noTags();
  });
  return request.noTags().written;
}

async function addGroup({ group }: GroupOffsets, transaction: OffsetsTransaction): Promise<void> {
  const { coordinator, transactionalId, identity } = transaction;
  const body = new Writer().string(transactionalId).int64(identity.producerId).int16(identity.epoch).string(group);
  await untilDone(async () => {
    const request = { name: "AddOffsetsToTxn", key: 25, version: 1, isFlexible: false, body: [body.written] };
    const answer = await coordinator.send(request);
    answer.int32();
    return [{ act: `add group ${group} to the transaction`, errorCode: answer.int16() }];
  });
}
