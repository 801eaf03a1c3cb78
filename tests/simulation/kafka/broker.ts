/** A broker's end of a connection: requests come in order, and each is answered before the next one is looked at. */

import { Reader, Writer } from "../../../adapters/kafka/protocol/wire.ts";
import type { ConnectionHandler, ServerConnection } from "../world/network.ts";
import {
  apiVersions,
  createPartitions,
  createTopics,
  describeConfigs,
  findCoordinator,
  metadata,
} from "./requests/administration.ts";
import { fetch, listOffsets, produce } from "./requests/records.ts";
import type { Handler } from "./requests/request.ts";
import { addOffsets, addPartitions, commitOffsets, endTransaction, initProducerId } from "./requests/transactions.ts";
import type { SimulatedKafka } from "./simulated_kafka.ts";

interface Api {
  readonly name: string;
  readonly versions: readonly [min: number, max: number];
  /** From this version on it has tagged fields (KIP-482). */
  readonly flexibleSince: number;
  readonly handler: Handler;
}

const NEVER = Infinity;
const API_VERSIONS = 18;
const APIS: ReadonlyMap<number, Api> = new Map<number, Api>([
  [0, { name: "Produce", versions: [7, 12], flexibleSince: 9, handler: produce }],
  [1, { name: "Fetch", versions: [11, 11], flexibleSince: 12, handler: fetch }],
  [2, { name: "ListOffsets", versions: [3, 3], flexibleSince: NEVER, handler: listOffsets }],
  [3, { name: "Metadata", versions: [6, 10], flexibleSince: 9, handler: metadata }],
  [10, { name: "FindCoordinator", versions: [1, 2], flexibleSince: NEVER, handler: findCoordinator }],
  [API_VERSIONS, {
    name: "ApiVersions",
    versions: [0, 3],
    flexibleSince: 3,
    handler: (request, answer) => apiVersions(allVersions())(request, answer),
  }],
  [19, { name: "CreateTopics", versions: [3, 3], flexibleSince: NEVER, handler: createTopics }],
  [22, { name: "InitProducerId", versions: [1, 4], flexibleSince: 2, handler: initProducerId }],
  [24, { name: "AddPartitionsToTxn", versions: [1, 1], flexibleSince: NEVER, handler: addPartitions }],
  [25, { name: "AddOffsetsToTxn", versions: [1, 1], flexibleSince: NEVER, handler: addOffsets }],
  [26, { name: "EndTxn", versions: [1, 5], flexibleSince: 3, handler: endTransaction }],
  [28, { name: "TxnOffsetCommit", versions: [3, 5], flexibleSince: 3, handler: commitOffsets }],
  [32, { name: "DescribeConfigs", versions: [2, 2], flexibleSince: NEVER, handler: describeConfigs }],
  [37, { name: "CreatePartitions", versions: [1, 1], flexibleSince: NEVER, handler: createPartitions }],
]);

function allVersions(): readonly (readonly [key: number, min: number, max: number])[] {
  return [...APIS].map(([key, { versions: [min, max] }]) => [key, min, max]);
}

/** What a broker is told of its requests. */
export interface BrokerWatch {
  /** A request that is about to be looked at; true when it is not to be, since the connection is gone. */
  onRequest?(name: string, node: number): void;
  /** A request was handled, and its answer is about to be sent. */
  onAnswer?(name: string, node: number): void;
}

/** See the module. */
export class BrokerConnection implements ConnectionHandler {
  readonly #kafka: SimulatedKafka;
  readonly #node: number;
  readonly #connection: ServerConnection;
  readonly #watch: BrokerWatch;
  #received = new Uint8Array(0);
  #isBusy = false;
  #isClosed = false;

  constructor(kafka: SimulatedKafka, node: number, connection: ServerConnection, watch: BrokerWatch = {}) {
    this.#kafka = kafka;
    this.#node = node;
    this.#connection = connection;
    this.#watch = watch;
  }

  onData(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#received.length + bytes.length);
    all.set(this.#received);
    all.set(bytes, this.#received.length);
    this.#received = all;
    this.#next();
  }

  onClose(): void {
    this.#isClosed = true;
  }

  #next(): void {
    if (this.#isBusy || this.#isClosed || this.#received.length < 4) return;
    const size = new DataView(this.#received.buffer, this.#received.byteOffset).getInt32(0);
    if (this.#received.length < 4 + size) return;
    const frame = this.#received.slice(4, 4 + size);
    this.#received = this.#received.slice(4 + size);
    this.#isBusy = true;
    this.#handle(new Reader(frame));
  }

  #handle(body: Reader): void {
    const [key, version, correlationId] = [body.int16(), body.int16(), body.int32()];
    body.string();
    const api = APIS.get(key);
    if (!api || version < api.versions[0] || version > api.versions[1]) {
      // As a broker does with what it does not know.
      console.error(`simulated Kafka was asked for request ${key} in version ${version}`);
      return this.#connection.close();
    }
    const isFlexible = version >= api.flexibleSince;
    if (isFlexible) body.tags();
    this.#watch.onRequest?.(api.name, this.#node);
    if (this.#isClosed) return;
    const request = { kafka: this.#kafka, node: this.#node, version, isFlexible, body };
    api.handler(request, (response) => {
      this.#watch.onAnswer?.(api.name, this.#node);
      if (this.#isClosed) return;
      const header = new Writer().int32(correlationId);
      if (isFlexible && key !== API_VERSIONS) header.noTags();
      const size = header.written.length + response.written.length;
      this.#connection.write(new Writer().int32(size).raw(header.written).raw(response.written).written);
      this.#isBusy = false;
      this.#next();
    });
  }
}
