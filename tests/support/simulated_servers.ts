/** The simulated servers on real ports of this machine, so that what tests real servers tests them as well. */

import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import net from "node:net";
import type { Answered } from "../simulation/aws/http.ts";
import { SimulatedDynamoDb } from "../simulation/dynamodb/simulated_dynamodb.ts";
import { BrokerConnection } from "../simulation/kafka/broker.ts";
import { SimulatedKafka } from "../simulation/kafka/simulated_kafka.ts";
import { SimulatedKinesis } from "../simulation/kinesis/simulated_kinesis.ts";
import { SimulatedRedis } from "../simulation/redis/simulated_redis.ts";
import type { Host } from "../simulation/host.ts";
import type { ConnectionHandler, ServerConnection } from "../simulation/world/network.ts";

/** This machine. */
class RealHost implements Host {
  readonly #timers = new Set<ReturnType<typeof setTimeout>>();

  after(delayMs: number, _what: string, act: () => void): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      act();
    }, delayMs);
    this.#timers.add(timer);
  }

  nowMs(): number {
    return Date.now();
  }

  number(): number {
    return Math.random();
  }

  close(): void {
    for (const timer of this.#timers) clearTimeout(timer);
  }
}

/** A simulated server and where it is. */
export interface Served<Server> extends AsyncDisposable {
  readonly server: Server;
  readonly port: number;
}

/** A Kafka cluster of one broker. */
export async function serveKafka(transactionVersion: 1 | 2 = 2): Promise<Served<SimulatedKafka>> {
  const host = new RealHost();
  const ports: number[] = [];
  const server = new SimulatedKafka({ host, ports, transactionVersion });
  const served = await listen(host, (connection) => new BrokerConnection(server, 1, connection));
  ports.push(served.port);
  return { ...served, server };
}

/** A Redis. */
export async function serveRedis(): Promise<Served<SimulatedRedis>> {
  const host = new RealHost();
  const redis = new SimulatedRedis(host);
  return { ...await listen(host, (connection) => redis.accept(connection)!), server: redis };
}

/** A Kinesis with one stream. */
export async function serveKinesis(stream: string, shards: number): Promise<Served<SimulatedKinesis>> {
  const host = new RealHost();
  const server = new SimulatedKinesis(host, stream, shards);
  return { ...await listenForAws(host, (action, request) => server.do(action, request)), server };
}

/** A DynamoDB with one table. */
export async function serveDynamoDb(): Promise<Served<SimulatedDynamoDb>> {
  const server = new SimulatedDynamoDb();
  return { ...await listenForAws(new RealHost(), (action, request) => server.do(action, request)), server };
}

type Act = (action: string, request: Readonly<Record<string, unknown>>) => Answered;

async function listenForAws(host: RealHost, act: Act): Promise<Omit<Served<never>, "server">> {
  const server = createServer((request, response) => void answer(act, request, response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose](): Promise<void> {
      host.close();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(act: Act, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let body = "";
  for await (const chunk of request.setEncoding("utf8")) body += chunk;
  const answered = act(String(request.headers["x-amz-target"]).split(".")[1], JSON.parse(body));
  const isError = "error" in answered;
  response.writeHead(isError ? 400 : 200, { "content-type": "application/x-amz-json-1.1" });
  response.end(JSON.stringify(isError ? { __type: answered.error, message: answered.message } : answered.body));
}

async function listen(
  host: RealHost,
  accept: (connection: ServerConnection) => ConnectionHandler,
): Promise<Omit<Served<never>, "server">> {
  const sockets = new Set<net.Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    const handler = accept({ write: (bytes) => void socket.write(bytes), close: () => socket.destroy() });
    socket.on("data", (chunk: Uint8Array) => handler.onData(chunk));
    socket.on("error", () => {});
    socket.on("close", () => {
      sockets.delete(socket);
      handler.onClose();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as net.AddressInfo).port,
    async [Symbol.asyncDispose](): Promise<void> {
      host.close();
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
