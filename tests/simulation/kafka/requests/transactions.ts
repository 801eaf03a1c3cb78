/** Transactions: the coordinator's side of the protocol. */

import { Writer } from "../../../../adapters/kafka/protocol/wire.ts";
import type { Asking } from "../coordinator.ts";
import { Fields, type Handler, readArray, readEnd, readString, type Request } from "./request.ts";

const NOT_COORDINATOR = 16;
const NO_TRANSACTIONS = -1;
const V2_SINCE = 5;

function isCoordinator({ kafka, node }: Request, id: string): boolean {
  return kafka.coordinatorNode(id) === node;
}

/** A producer id and its epoch. */
export const initProducerId: Handler = (request, answer) => {
  const { kafka, body } = request;
  const id = readString(request);
  const timeoutMs = body.int32();
  const response = new Fields(request);
  const found = id === null
    ? { errorCode: 0, producerId: kafka.coordinator.nextProducerId(), epoch: 0 }
    : isCoordinator(request, id)
    ? kafka.coordinator.init(id, timeoutMs)
    : { errorCode: NOT_COORDINATOR, producerId: -1n, epoch: NO_TRANSACTIONS };
  response.writer.int32(0).int16(found.errorCode).int64(found.producerId).int16(found.epoch);
  answer(response.end().writer);
};

function readAsking({ body }: Request, id: string): Asking {
  return { id, producerId: body.int64(), epoch: body.int16() };
}

/** Makes partitions part of a transaction (v1). */
export const addPartitions: Handler = (request, answer) => {
  const { kafka, body } = request;
  const asking = readAsking(request, body.string()!);
  const topics = body.array(() => ({ topic: body.string()!, partitions: body.array(() => body.int32()) }));
  const places = topics.flatMap(({ topic, partitions }) => partitions.map((partition) => `${topic}/${partition}`));
  const errorCode = isCoordinator(request, asking.id) ? kafka.coordinator.add(asking, places) : NOT_COORDINATOR;
  const response = new Writer().int32(0);
  answer(response.array(topics, ({ topic, partitions }) => {
    response.string(topic).array(partitions, (partition) => response.int32(partition).int16(errorCode));
  }));
};

/** Makes a group part of a transaction (v1). */
export const addOffsets: Handler = (request, answer) => {
  const { kafka, body } = request;
  const asking = readAsking(request, body.string()!);
  const errorCode = isCoordinator(request, asking.id) ? kafka.coordinator.add(asking, []) : NOT_COORDINATOR;
  answer(new Writer().int32(0).int16(errorCode));
};

/** Commits or aborts. */
export const endTransaction: Handler = (request, answer) => {
  const { kafka, body, version } = request;
  const id = readString(request)!;
  const asking = readAsking(request, id);
  const isCommit = body.int8() === 1;
  const ended = isCoordinator(request, id)
    ? kafka.coordinator.end(asking, isCommit, version >= V2_SINCE)
    : { errorCode: NOT_COORDINATOR, producerId: -1n, epoch: -1 };
  const response = new Fields(request);
  response.writer.int32(0).int16(ended.errorCode);
  if (version >= V2_SINCE) response.writer.int64(ended.producerId).int16(ended.epoch);
  answer(response.end().writer);
};

/** The positions of a group, as part of a transaction. */
export const commitOffsets: Handler = (request, answer) => {
  const { kafka, body } = request;
  const id = readString(request)!;
  const group = readString(request)!;
  const asking = readAsking(request, id);
  body.int32();
  readString(request);
  readString(request);
  const topics = readArray(request, () => {
    const topic = readString(request)!;
    const partitions = readArray(request, () => {
      const partition = body.int32();
      const offset = body.int64();
      body.int32();
      readString(request);
      readEnd(request);
      return { partition, offset };
    });
    readEnd(request);
    return { topic, partitions };
  });
  const offsets = topics.flatMap(({ topic, partitions }) =>
    partitions.map(({ partition, offset }) => [`${topic}/${partition}`, offset] as const)
  );
  const errorCode = isCoordinator(request, group)
    ? kafka.coordinator.addOffsets(asking, group, new Map(offsets))
    : NOT_COORDINATOR;
  const response = new Fields(request);
  response.writer.int32(0);
  response.array(topics, ({ topic, partitions }) => {
    response.string(topic).array(partitions, ({ partition }) => {
      response.writer.int32(partition).int16(errorCode);
      response.end();
    }).end();
  });
  answer(response.end().writer);
};
