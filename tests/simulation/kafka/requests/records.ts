/** Writing and reading logs. */

import { Writer } from "../../../../adapters/kafka/protocol/wire.ts";
import { Fields, type Handler, readArray, readEnd, readString, type Request } from "./request.ts";

const UNKNOWN_TOPIC_OR_PARTITION = 3;
const NOT_LEADER_OR_FOLLOWER = 6;
const INVALID_TXN_STATE = 48;
const NO_OFFSET = -1n;
/** How long a leader asks the coordinator before it appends. */
const VERIFY_MS_MAX = 3;
const IMPLICIT_PARTITIONS_SINCE = 12;
const EARLIEST = -2n;
const LATEST = -1n;

interface Sent {
  readonly topic: string;
  readonly partition: number;
  readonly bytes: Uint8Array;
}

interface Written extends Sent {
  readonly errorCode: number;
  readonly base: bigint;
}

/** Appends batches; one of a transaction only while that is open, which the coordinator says. */
export const produce: Handler = (request, answer) => {
  const { kafka, body, isFlexible } = request;
  const id = readString(request);
  body.int16();
  body.int32();
  const sent = readArray(request, () => {
    const topic = readString(request)!;
    const some = readArray(request, (): Sent => {
      const partition = body.int32();
      const length = isFlexible ? body.unsignedVarint() - 1 : body.int32();
      const bytes = body.raw(length).slice();
      readEnd(request);
      return { topic, partition, bytes };
    });
    readEnd(request);
    return some;
  }).flat();
  readEnd(request);
  const delayMs = id === null ? 0 : kafka.host.number() ** 2 * VERIFY_MS_MAX;
  const verified = sent.map((each) => id === null ? 0 : verify(request, id, each));
  kafka.host.after(delayMs, "appends", () => {
    const written = sent.map((each, i) => append(request, id, each, verified[i]));
    if (written.some(({ errorCode }) => errorCode === 0)) kafka.wake();
    answer(produced(written, request));
  });
};

function identityOf({ bytes }: Sent): { readonly producerId: bigint; readonly epoch: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { producerId: view.getBigInt64(43), epoch: view.getInt16(51) };
}

function verify({ kafka, version }: Request, id: string, sent: Sent): number {
  const asking = { id, ...identityOf(sent) };
  const place = `${sent.topic}/${sent.partition}`;
  return version >= IMPLICIT_PARTITIONS_SINCE
    ? kafka.coordinator.add(asking, [place])
    : kafka.coordinator.verify(asking, place);
}

function append({ kafka, node }: Request, id: string | null, sent: Sent, verified: number): Written {
  const log = kafka.log(sent.topic, sent.partition);
  const refused = (errorCode: number): Written => ({ ...sent, errorCode, base: NO_OFFSET });
  if (!log) return refused(UNKNOWN_TOPIC_OR_PARTITION);
  if (kafka.leader(sent.topic, sent.partition) !== node) return refused(NOT_LEADER_OR_FOLLOWER);
  if (verified !== 0) return refused(verified);
  // It ended while the coordinator was asked: what comes now would be part of nothing.
  if (id !== null && !kafka.coordinator.isOpen({ id, ...identityOf(sent) })) return refused(INVALID_TXN_STATE);
  return { ...sent, ...log.append(sent.bytes) };
}

function produced(written: readonly Written[], request: Request): Writer {
  const response = new Fields(request);
  const { writer } = response;
  response.array([...Map.groupBy(written, ({ topic }) => topic)], ([topic, some]) => {
    response.string(topic).array(some, ({ partition, errorCode, base }) => {
      writer.int32(partition).int16(errorCode).int64(base).int64(-1n).int64(0n);
      if (request.isFlexible) response.array([], () => {}).string(null);
      response.end();
    }).end();
  });
  writer.int32(0);
  return response.end().writer;
}

interface Wanted {
  readonly topic: string;
  readonly partition: number;
  readonly offset: bigint;
  readonly bytesMax: number;
}

/** Reads logs as `read_committed` sees them; waits while there is nothing. */
export const fetch: Handler = ({ kafka, node, body }, answer) => {
  body.int32();
  const waitMs = body.int32();
  body.int32();
  body.int32();
  body.int8();
  body.raw(8);
  const wanted = body.array(() => {
    const topic = body.string()!;
    return body.array((): Wanted => {
      const partition = body.int32();
      body.int32();
      const offset = body.int64();
      body.int64();
      return { topic, partition, offset, bytesMax: body.int32() };
    });
  }).flat();
  const deadlineMs = kafka.host.nowMs() + waitMs;
  const attempt = (): void => {
    const found = wanted.map((each) => ({ ...each, ...look(each) }));
    const leftMs = deadlineMs - kafka.host.nowMs();
    const isNews = found.some(({ errorCode, bytes }) => errorCode !== 0 || bytes.length > 0);
    if (isNews || leftMs <= 0) answer(fetched(found));
    else kafka.whenAppended(leftMs, attempt);
  };
  const look = ({ topic, partition, offset, bytesMax }: Wanted) => {
    const log = kafka.log(topic, partition);
    const nothing = { bytes: new Uint8Array(0), aborted: [] };
    if (!log) return { errorCode: UNKNOWN_TOPIC_OR_PARTITION, ...nothing };
    if (kafka.leader(topic, partition) !== node) return { errorCode: NOT_LEADER_OR_FOLLOWER, ...nothing };
    return log.fetch(offset, bytesMax);
  };
  const fetched = (found: readonly (Wanted & ReturnType<typeof look>)[]): Writer => {
    const response = new Writer().int32(0).int16(0).int32(0);
    return response.array([...Map.groupBy(found, ({ topic }) => topic)], ([topic, some]) => {
      response.string(topic).array(some, ({ partition, errorCode, bytes, aborted }) => {
        const log = kafka.log(topic, partition);
        response.int32(partition).int16(errorCode);
        response.int64(log?.end ?? -1n).int64(log?.stableEnd ?? -1n).int64(log?.first ?? -1n);
        response.array(aborted, ({ producerId, firstOffset }) => response.int64(producerId).int64(firstOffset));
        response.int32(-1).int32(bytes.length).raw(bytes);
      });
    });
  };
  attempt();
};

/** The first and last offsets, and those of times. */
export const listOffsets: Handler = ({ kafka, node, body }, answer) => {
  body.int32();
  const isCommitted = body.int8() === 1;
  const wanted = body.array(() => {
    const topic = body.string()!;
    return body.array(() => ({ topic, partition: body.int32(), timeMs: body.int64() }));
  }).flat();
  const response = new Writer().int32(0);
  answer(response.array([...Map.groupBy(wanted, ({ topic }) => topic)], ([topic, some]) => {
    response.string(topic).array(some, ({ partition, timeMs }) => {
      const log = kafka.log(topic, partition);
      const isLeader = kafka.leader(topic, partition) === node;
      response.int32(partition).int16(!log ? UNKNOWN_TOPIC_OR_PARTITION : isLeader ? 0 : NOT_LEADER_OR_FOLLOWER);
      response.int64(-1n);
      if (!log || !isLeader) return response.int64(-1n);
      response.int64(
        timeMs === EARLIEST
          ? log.first
          : timeMs === LATEST
          ? isCommitted ? log.stableEnd : log.end
          : log.offsetAt(Number(timeMs)),
      );
    });
  }));
};
