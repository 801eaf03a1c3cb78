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
import { check, CODE, isTimeout, KafkaError } from "./kafka_error.ts";
import { metadataOf, type TopicMetadata } from "./metadata.ts";
import { bringWholeAnswers } from "./whole_answers.ts";
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

interface RequestQueue {
  readonly pending: readonly unknown[];
  push(request: QueuedRequest): void;
  destroy(): void;
  scheduleCheckPendingRequests(): void;
}

interface KafkajsConnection {
  readonly socket: net.Socket | undefined;
  readonly clientId: string;
  readonly bytesBuffered: number;
  chunks: readonly Uint8Array[];
  readonly requestQueue: RequestQueue;
  rejectRequests(error: Error): void;
  isAuthenticated(): boolean;
  authenticate(): Promise<void>;
  nextCorrelationId(): number;
}

interface KafkajsBroker {
  readonly nodeId: number;
  readonly connectionPool: {
    readonly pool: readonly KafkajsConnection[];
    getConnectionByRequest(request: { readonly request: { readonly apiKey: number } }): Promise<KafkajsConnection>;
  };
}

interface KafkajsCluster {
  readonly brokerPool: {
    readonly metadata?: { readonly clusterId?: string };
    readonly brokers: Readonly<Record<string, KafkajsBroker>>;
    readonly seedBroker?: KafkajsBroker;
    findConnectedBroker(): Promise<KafkajsBroker>;
    refreshMetadata(topics: readonly string[]): Promise<void>;
  };
  connect(): Promise<void>;
  findBroker(node: { readonly nodeId: number }): Promise<KafkajsBroker>;
}

const API_VERSIONS = 18;
const METADATA_AGE_MS_MAX = 300_000;
const REQUEST_TIMEOUT_MS = 30_000;
const KEEP_ALIVE_MS = 60_000;
/** kafkajs's own attempts to connect; who asks for more than a connection has a loop of his own. */
const RETRY = { retries: 2, initialRetryTime: 50, maxRetryTime: 500 };

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
    calm(connection.requestQueue);
    if (!connection.isAuthenticated()) await connection.authenticate();
    const correlationId = connection.nextCorrelationId();
    const parts = [header(request, correlationId, connection.clientId), ...request.body];
    const { payload } = await new Promise<{ readonly payload: Uint8Array }>((settle, reject) => {
      const resolve = (answer: { readonly payload: Uint8Array }): void => {
        // The rest of what was received, if it is empty, would be a view of an answer that may be released.
        if (connection.bytesBuffered === 0) connection.chunks = [];
        settle(answer);
      };
      const entry = { apiKey: key, apiName: name, apiVersion: version, correlationId, resolve };
      connection.requestQueue.push({
        entry: { ...entry, reject: (error) => reject(hungUp(connection, error)) },
        expectResponse: true,
        requestTimeout: timeoutMs,
        sendRequest: () => writeParts(connection.socket!, parts),
      });
    });
    const reader = new Reader(payload);
    // ApiVersions alone keeps the old header: who asks does not know yet what is spoken.
    if (isFlexible && key !== API_VERSIONS) reader.tags();
    return reader;
  }
}

/**
 * Who does not answer in time is not asked again over the same connection: somewhere on its way, a firewall or an address
 * translation may have forgotten it, and lets nothing through for as long as it lasts.
 */
function hungUp({ socket }: KafkajsConnection, error: Error): Error {
  if (isTimeout(error)) socket?.destroy(error);
  return error;
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

/** Brokers, leaders and coordinators. What is known of them is kept until {@linkcode Cluster.refresh}. */
export class Cluster {
  readonly #kafka: Kafka;
  readonly #kafkajs: KafkajsCluster;
  readonly #coordinators = new Map<string, Promise<Broker>>();
  readonly #leaders = new Map<string, Promise<Broker>>();
  readonly #topics = new Map<string, Promise<TopicMetadata>>();
  readonly #hint: string | undefined;
  #refreshing: Promise<void> | undefined;

  private constructor(kafka: Kafka, kafkajs: KafkajsCluster, hint: string | undefined) {
    this.#kafka = kafka;
    this.#kafkajs = kafkajs;
    this.#hint = hint;
  }

  /**
   * Connects to the cluster.
   *
   * @param hint a topic that there may be: kafkajs asks for brokers by asking for topics, for all unless it knows one
   */
  static async connect(config: KafkaConfig, hint?: string): Promise<Cluster> {
    const kafka = new Kafka({ logLevel: logLevel.NOTHING, socketFactory: openSocket, retry: RETRY, ...config });
    const createCluster = Object.getOwnPropertySymbols(kafka).find(({ description }) =>
      description === "private:Kafka:createCluster"
    );
    if (!createCluster) throw new Error("Cannot use kafkajs: its createCluster is missing, version 2.2.4 is wanted");
    const create = (kafka as unknown as Record<symbol, (options: object) => KafkajsCluster>)[createCluster];
    const cluster = create.call(kafka, { metadataMaxAge: METADATA_AGE_MS_MAX, allowAutoTopicCreation: false });
    await cluster.connect();
    await findBrokers(cluster, hint);
    return new Cluster(kafka, cluster, hint);
  }

  /** Identifies the cluster, whatever its brokers are called. */
  get id(): string {
    return this.#kafkajs.brokerPool.metadata?.clusterId ?? "";
  }

  /** Does `work` with a connection for administration. */
  async administer<T>(work: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = this.#kafka.admin();
    await admin.connect();
    try {
      return await work(admin);
    } finally {
      await admin.disconnect();
    }
  }

  /** All topics there are. */
  async topics(): Promise<readonly TopicMetadata[]> {
    return await metadataOf(await this.anyBroker(), "all");
  }

  /**
   * A topic that there is.
   *
   * @throws {KafkaError} when there is none of that name, or it may not be seen
   */
  topic(name: string): Promise<TopicMetadata> {
    return remembered(this.#topics, name, async () => {
      const [found] = await metadataOf(await this.anyBroker(), [name]);
      check(found.errorCode, `use topic ${name}`);
      return found;
    });
  }

  /** The leader of a partition, as far as is known. */
  leaderOf(topic: string, partition: number): Promise<Broker> {
    return remembered(this.#leaders, `${topic}/${partition}`, async () => {
      const found = (await this.topic(topic)).partitions.find((each) => each.partition === partition);
      const act = `find the leader of ${topic}/${partition}`;
      if (!found) throw new KafkaError(CODE.unknownTopicOrPartition, act);
      if (found.leader < 0) throw new KafkaError(CODE.leaderNotAvailable, act);
      return await this.#broker(found.leader);
    });
  }

  async anyBroker(): Promise<Broker> {
    return new Broker(await this.#kafkajs.brokerPool.findConnectedBroker());
  }

  /** The coordinator of a group or a transactional id. */
  coordinatorOf(kind: "group" | "transaction", id: string): Promise<Broker> {
    return remembered(this.#coordinators, `${kind} ${id}`, async () => {
      const body = [new Writer().string(id).int8(kind === "group" ? 0 : 1).written];
      const broker = await this.anyBroker();
      const answer = await broker.send({ name: "FindCoordinator", key: 10, version: 2, isFlexible: false, body });
      answer.int32();
      check(answer.int16(), `find the coordinator of ${kind} ${id}`);
      answer.string();
      return await this.#broker(answer.int32());
    });
  }

  /** Forgets topics, leaders and coordinators: after an error they may be others. */
  refresh(): Promise<void> {
    for (const known of [this.#leaders, this.#coordinators, this.#topics]) known.clear();
    return this.#refreshing ??= findBrokers(this.#kafkajs, this.#hint).finally(() => this.#refreshing = undefined);
  }

  /** Cuts all connections; kafkajs would wait for answers that are under way. */
  close(): void {
    const { brokers, seedBroker } = this.#kafkajs.brokerPool;
    for (const { connectionPool } of [...Object.values(brokers), ...(seedBroker ? [seedBroker] : [])]) {
      for (const connection of connectionPool.pool) {
        connection.rejectRequests(new Error("Cannot go on: the connection was closed"));
        connection.requestQueue.destroy();
        connection.socket?.destroy();
      }
    }
  }

  async #broker(nodeId: number): Promise<Broker> {
    return new Broker(await this.#kafkajs.findBroker({ nodeId }));
  }
}

async function findBrokers({ brokerPool }: KafkajsCluster, hint: string | undefined): Promise<void> {
  if (hint === undefined) return await brokerPool.refreshMetadata([]);
  // There may be no such topic, or not yet.
  await brokerPool.refreshMetadata([hint]).catch(() => brokerPool.refreshMetadata([]));
}

/** What `find` answers is found once; an error is not remembered. */
function remembered<T>(known: Map<string, Promise<T>>, key: string, find: () => Promise<T>): Promise<T> {
  const before = known.get(key);
  if (before) return before;
  const found = find();
  known.set(key, found);
  found.catch(() => known.get(key) === found && known.delete(key));
  return found;
}

interface SocketOptions {
  readonly host: string;
  readonly port: number;
  readonly ssl?: tls.ConnectionOptions | boolean;
  readonly onConnect: () => void;
}

/** kafkajs leaves Nagle's algorithm on: the last packet of a large request would wait for an acknowledgement. */
function openSocket({ host, port, ssl, onConnect }: SocketOptions): net.Socket {
  const socket = ssl
    ? tls.connect({ host, port, ...(typeof ssl === "object" ? ssl : {}) }, onConnect)
    : net.connect({ host, port }, onConnect);
  // Whenever kafkajs gives up a connection once more, Node notes it with its socket, and soon takes that for a leak.
  socket.setMaxListeners(0);
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_MS);
  return bringWholeAnswers(socket);
}

const calmed = new WeakSet<object>();

/**
 * Once it has sent a request, a queue of kafkajs looks every millisecond whether there are more that were held back, as long as
 * the connection lasts: it counts from the year 1970 when it may (tulios/kafkajs#1751). There are only some to look for when
 * a broker throttles.
 */
function calm(queue: RequestQueue): void {
  const kind = Object.getPrototypeOf(queue) as RequestQueue;
  if (calmed.has(kind)) return;
  calmed.add(kind);
  const { scheduleCheckPendingRequests } = kind;
  kind.scheduleCheckPendingRequests = function (this: RequestQueue): void {
    if (this.pending.length > 0) scheduleCheckPendingRequests.call(this);
  };
}

/** The first look is over before that: Node says to everyone that it was due long ago. */
function withoutFalseAlarm(): void {
  const emitWarning = process.emitWarning as (...args: readonly unknown[]) => void;
  process.emitWarning = ((...args: readonly unknown[]) => {
    if (!String(args[1]).includes("TimeoutNegativeWarning")) emitWarning.apply(process, args as unknown[]);
  }) as typeof process.emitWarning;
}

withoutFalseAlarm();
