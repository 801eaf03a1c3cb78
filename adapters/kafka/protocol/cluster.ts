/**
 * The one door into kafkajs 2.2.4: our own requests over its connections. TCP, TLS, SASL, correlation ids, request
 * time-outs, metadata and coordinators stay kafkajs's. It uses private parts, so the version is pinned exactly and
 * tests/adapters/kafka covers every field named here.
 *
 * A request's bytes are written once and not copied; `connection.send` of kafkajs copies them twice.
 */

import net from "node:net";
import process from "node:process";
import tls from "node:tls";
import { type Admin, Kafka, type KafkaConfig, logLevel } from "kafkajs";
import { Reader, Writer } from "./wire.ts";

/** A request whose fields behind the header are `body`; its parts are sent back to back. */
export interface WireRequest {
  readonly name: string;
  readonly key: number;
  readonly version: number;
  /** Flexible versions have tagged fields in the headers of request and answer (KIP-482). */
  readonly isFlexible: boolean;
  readonly body: readonly Uint8Array[];
  readonly timeoutMs?: number;
}

interface QueuedRequest {
  readonly entry: {
    readonly apiKey: number;
    readonly apiName: string;
    readonly apiVersion: number;
    readonly correlationId: number;
    readonly resolve: (answer: { readonly payload: Uint8Array }) => void;
    readonly reject: (error: Error) => void;
  };
  readonly expectResponse: boolean;
  readonly requestTimeout: number | null;
  readonly sendRequest: () => void;
}

interface KafkajsConnection {
  readonly socket: net.Socket;
  readonly clientId: string;
  readonly requestQueue: { push(request: QueuedRequest): void };
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  nextCorrelationId(): number;
}

interface KafkajsBroker {
  readonly nodeId: number;
  readonly connectionPool: {
    getConnectionByRequest(request: { readonly request: { readonly apiKey: number } }): Promise<KafkajsConnection>;
  };
}

interface KafkajsCluster {
  readonly brokerPool: { readonly metadata?: { readonly clusterId?: string } };
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  addMultipleTargetTopics(topics: readonly string[]): Promise<void>;
  findTopicPartitionMetadata(topic: string): readonly { readonly partitionId: number; readonly leader: number }[];
  findBroker(node: { readonly nodeId: number }): Promise<KafkajsBroker>;
  findControllerBroker(): Promise<KafkajsBroker>;
  findGroupCoordinator(query: { readonly groupId: string; readonly coordinatorType: 0 | 1 }): Promise<KafkajsBroker>;
}

const API_VERSIONS = 18;
const METADATA_AGE_MS_MAX = 300_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;

/** One broker of a cluster. */
export class Broker {
  readonly #kafkajs: KafkajsBroker;

  constructor(kafkajs: KafkajsBroker) {
    this.#kafkajs = kafkajs;
  }

  get nodeId(): number {
    return this.#kafkajs.nodeId;
  }

  /** Sends `request`; resolves to a reader at the answer's body. Rejects when time is up or the connection is lost. */
  async send(request: WireRequest): Promise<Reader> {
    const { name, key, version, isFlexible, timeoutMs = REQUEST_TIMEOUT_MS } = request;
    const connection = await this.#kafkajs.connectionPool.getConnectionByRequest({ request: { apiKey: key } });
    if (!connection.isAuthenticated()) await connection.authenticate();
    const correlationId = connection.nextCorrelationId();
    const parts = [header(request, correlationId, connection.clientId), ...request.body];
    const { payload } = await new Promise<{ readonly payload: Uint8Array }>((resolve, reject) =>
      connection.requestQueue.push({
        entry: { apiKey: key, apiName: name, apiVersion: version, correlationId, resolve, reject },
        expectResponse: true,
        requestTimeout: timeoutMs,
        sendRequest: () => writeParts(connection.socket, parts),
      })
    );
    const reader = new Reader(payload);
    // ApiVersions alone keeps the old header: who asks does not know yet what is spoken.
    if (isFlexible && key !== API_VERSIONS) reader.tags();
    return reader;
  }
}

function writeParts(socket: net.Socket, parts: readonly Uint8Array[]): void {
  socket.cork();
  for (const part of parts) socket.write(part);
  socket.uncork();
}

function header(request: WireRequest, correlationId: number, clientId: string): Uint8Array {
  const fields = new Writer().int16(request.key).int16(request.version).int32(correlationId).string(clientId);
  if (request.isFlexible) fields.noTags();
  const size = request.body.reduce((sum, part) => sum + part.length, fields.written.length);
  return new Writer().int32(size).raw(fields.written).written;
}

/** Brokers, leaders and coordinators, found by kafkajs. */
export class Cluster {
  readonly #kafka: Kafka;
  readonly #kafkajs: KafkajsCluster;
  readonly #coordinators = new Map<string, Broker>();
  readonly #leaders = new Map<string, Broker>();
  readonly #topics = new Set<string>();

  private constructor(kafka: Kafka, kafkajs: KafkajsCluster) {
    this.#kafka = kafka;
    this.#kafkajs = kafkajs;
  }

  /** Connects to the cluster. */
  static async connect(config: KafkaConfig): Promise<Cluster> {
    const kafka = new Kafka({ logLevel: logLevel.NOTHING, socketFactory: withoutDelay, ...config });
    const createCluster = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
      description === "private:Kafka:createCluster"
    );
    if (!createCluster) throw new Error("Cannot use kafkajs: its createCluster is missing, version 2.2.4 is wanted");
    const create = (kafka as unknown as Record<symbol, (options: object) => KafkajsCluster>)[createCluster];
    const cluster = create.call(kafka, { metadataMaxAge: METADATA_AGE_MS_MAX, allowAutoTopicCreation: false });
    await cluster.connect();
    return new Cluster(kafka, cluster);
  }

  /** Identifies the cluster, whatever its brokers are called. */
  get id(): string {
    return this.#kafkajs.brokerPool.metadata?.clusterId ?? "";
  }

  /** A connection for administration; the caller disconnects it. */
  admin(): Admin {
    return this.#kafka.admin();
  }

  /** The partitions of `topic`, in order. */
  async partitionsOf(topic: string): Promise<readonly number[]> {
    await this.#know(topic);
    return this.#kafkajs.findTopicPartitionMetadata(topic).map(({ partitionId }) => partitionId).sort((a, b) => a - b);
  }

  /** The leader of a partition, as far as is known; see {@linkcode refresh}. */
  async leaderOf(topic: string, partition: number): Promise<Broker> {
    const key = `${topic}/${partition}`;
    const known = this.#leaders.get(key);
    if (known) return known;
    await this.#know(topic);
    const found = this.#kafkajs.findTopicPartitionMetadata(topic).find(({ partitionId }) => partitionId === partition);
    if (!found) throw new Error(`Cannot find the leader of ${key}: the topic has no such partition`);
    const broker = new Broker(await this.#kafkajs.findBroker({ nodeId: found.leader }));
    this.#leaders.set(key, broker);
    return broker;
  }

  async anyBroker(): Promise<Broker> {
    return new Broker(await this.#kafkajs.findControllerBroker());
  }

  /** The coordinator of a group or a transactional id. */
  async coordinatorOf(kind: "group" | "transaction", id: string): Promise<Broker> {
    const key = `${kind} ${id}`;
    const known = this.#coordinators.get(key);
    if (known) return known;
    const query = { groupId: id, coordinatorType: kind === "group" ? 0 : 1 } as const;
    const broker = new Broker(await this.#kafkajs.findGroupCoordinator(query));
    this.#coordinators.set(key, broker);
    return broker;
  }

  /** Forgets leaders and coordinators: after an error they may be others. */
  async refresh(): Promise<void> {
    this.#leaders.clear();
    this.#coordinators.clear();
    await this.#kafkajs.refreshMetadata();
  }

  async close(): Promise<void> {
    await this.#kafkajs.disconnect();
  }

  async #know(topic: string): Promise<void> {
    if (this.#topics.has(topic)) return;
    await this.#kafkajs.addMultipleTargetTopics([topic]);
    this.#topics.add(topic);
  }
}

interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl?: tls.ConnectionOptions | boolean;
  readonly onConnect: () => void;
}

/** kafkajs leaves Nagle's algorithm on: the last packet of a large request would wait for an acknowledgement. */
function withoutDelay({ host, port, ssl, onConnect }: SocketOptions): net.Socket {
  const socket = ssl
    ? tls.connect({ host, port, ...(typeof ssl === "object" ? ssl : {}) }, onConnect)
    : net.connect({ host, port }, onConnect);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return socket;
}

/** kafkajs counts a time-out from the year 1970 for every connection (tulios/kafkajs#1751); Node only says so, to everyone. */
function withoutFalseAlarm(): void {
  const emitWarning = process.emitWarning as (...args: readonly unknown[]) => void;
  process.emitWarning = ((...args: readonly unknown[]) => {
    if (!String(args[1]).includes("TimeoutNegativeWarning")) emitWarning.apply(process, args as unknown[]);
  }) as typeof process.emitWarning;
}

withoutFalseAlarm();
