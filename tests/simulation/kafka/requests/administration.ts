/** What a broker answers about the cluster, and how topics are made. */

import { Writer } from "../../../../adapters/kafka/protocol/wire.ts";
import { Fields, type Handler, readEnd, type Request } from "./request.ts";

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const LEADER_NOT_AVAILABLE = 5;
const COORDINATOR_NOT_AVAILABLE = 15;
const TOPIC_ALREADY_EXISTS = 36;
const INVALID_PARTITIONS = 37;
const UUID_BYTES = 16;
const NO_OPERATIONS = -2147483648;
const FINALIZED_FEATURES = 2;
const TOPIC_CONFIG = 1;

/** Answers with the versions of all requests, and the features of the cluster. */
export function apiVersions(versions: readonly (readonly [key: number, min: number, max: number])[]): Handler {
  return ({ kafka, version, isFlexible }, answer) => {
    const response = new Fields({ isFlexible });
    response.writer.int16(0);
    response.array(versions, ([key, min, max]) => {
      response.writer.int16(key).int16(min).int16(max);
      response.end();
    });
    if (version > 0) response.writer.int32(0);
    if (!isFlexible) return answer(response.writer);
    const features = new Writer();
    features.compactArray(["transaction.version"], (name) => {
      features.compactString(name).int16(kafka.transactionVersion).int16(kafka.transactionVersion).noTags();
    });
    response.writer.unsignedVarint(1).unsignedVarint(FINALIZED_FEATURES);
    response.writer.unsignedVarint(features.written.length).raw(features.written);
    answer(response.writer);
  };
}

/** Brokers, and the topics that were asked for. */
export const metadata: Handler = (request, answer) => {
  const { kafka, version, isFlexible } = request;
  const response = new Fields(request);
  const { writer } = response;
  writer.int32(0);
  response.array(kafka.nodes.filter((node) => !kafka.isDown(node)), (node) => {
    writer.int32(node);
    response.string("127.0.0.1");
    writer.int32(kafka.ports[node - 1]);
    response.string(null).end();
  });
  response.string(kafka.id);
  writer.int32(1);
  response.array(wantedTopics(request), (name) => {
    const topic = kafka.topics.get(name);
    writer.int16(topic ? 0 : UNKNOWN_TOPIC_OR_PARTITION);
    response.string(name);
    if (version >= 10) writer.raw(topic?.id ?? new Uint8Array(UUID_BYTES));
    writer.int8(0);
    response.array(topic?.leaders ?? [], (leader, partition) => {
      writer.int16(leader > 0 ? 0 : LEADER_NOT_AVAILABLE).int32(partition).int32(leader > 0 ? leader : -1);
      if (version >= 7) writer.int32(0);
      for (let list = 0; list < 2; list++) response.array(kafka.nodes, (node) => writer.int32(node));
      response.array([], () => {}).end();
    });
    if (isFlexible) writer.int32(NO_OPERATIONS);
    response.end();
  });
  if (isFlexible) writer.int32(NO_OPERATIONS);
  answer(response.end().writer);
};

function wantedTopics({ kafka, body, isFlexible }: Request): readonly string[] {
  if (!isFlexible) {
    const count = body.int32();
    return count < 0 ? [...kafka.topics.keys()] : Array.from({ length: count }, () => body.string()!);
  }
  const count = body.unsignedVarint() - 1;
  if (count < 0) return [...kafka.topics.keys()];
  return Array.from({ length: count }, () => {
    body.raw(UUID_BYTES);
    const name = body.compactString()!;
    body.tags();
    return name;
  });
}

/** The node that coordinates a group or a transactional id. */
export const findCoordinator: Handler = ({ kafka, body }, answer) => {
  const node = kafka.coordinatorNode(body.string()!);
  const response = new Writer().int32(0).int16(node > 0 ? 0 : COORDINATOR_NOT_AVAILABLE).string(null);
  answer(response.int32(node > 0 ? node : -1).string(node > 0 ? "127.0.0.1" : "").int32(kafka.ports[node - 1] ?? -1));
};

/** Makes topics. */
export const createTopics: Handler = ({ kafka, body }, answer) => {
  const made = body.array(() => {
    const name = body.string()!;
    const partitions = body.int32();
    body.int16();
    body.array(() => [body.int32(), body.array(() => body.int32())]);
    const config = new Map(body.array(() => [body.string()!, body.string() ?? ""] as const));
    return { name, isNew: kafka.createTopic(name, Math.max(1, partitions), config) };
  });
  const response = new Writer().int32(0);
  answer(response.array(made, ({ name, isNew }) => {
    response.string(name).int16(isNew ? 0 : TOPIC_ALREADY_EXISTS).string(null);
  }));
};

/** Gives topics more partitions. */
export const createPartitions: Handler = ({ kafka, body }, answer) => {
  const grown = body.array(() => {
    const name = body.string()!;
    const count = body.int32();
    for (let left = body.int32(); left > 0; left--) body.array(() => body.int32());
    return { name, isLarger: kafka.growTopic(name, count) };
  });
  const response = new Writer().int32(0);
  answer(response.array(grown, ({ name, isLarger }) => {
    response.string(name).int16(isLarger ? 0 : INVALID_PARTITIONS).string(null);
  }));
};

/** The configuration that a topic was made with. */
export const describeConfigs: Handler = (request, answer) => {
  const { kafka, body } = request;
  const names = body.array(() => {
    body.int8();
    const name = body.string()!;
    for (let left = body.int32(); left > 0; left--) body.string();
    return name;
  });
  const response = new Writer().int32(0);
  response.array(names, (name) => {
    const topic = kafka.topics.get(name);
    response.int16(topic ? 0 : UNKNOWN_TOPIC_OR_PARTITION).string(null).int8(2).string(name);
    response.array([...topic?.config ?? []], ([key, value]) => {
      response.string(key).string(value).int8(0).int8(TOPIC_CONFIG).int8(0).array([], () => {});
    });
  });
  readEnd(request);
  answer(response);
};
