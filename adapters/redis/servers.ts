/**
 * Finds the server that may write a key now: the only one there is; the master among a master and its replicas; the node
 * of a cluster that has the key's slot. What was found is remembered by nobody: an error makes its connection useless,
 * and whoever needs another asks here again, so a failover or a moved slot is nothing special.
 */

import { type Endpoint, nameOf, type ServerAddress, type ServersAddress } from "./address.ts";
import { Connection } from "./protocol/connection.ts";
import { NoServer } from "./protocol/passing.ts";
import { encodeCommands, RedisError, type Reply, ReplyReader, type Word } from "./protocol/resp.ts";

/** As often a node may send on to another. */
const HOPS_MAX = 5;

/** An open connection, and what it leads to. */
export interface Found {
  readonly connection: Connection;
  /** Equal names may share a connection. */
  readonly name: string;
  /** Whether one command can name keys of one slot only. */
  readonly isCluster: boolean;
}

/** See the module. */
export class Servers {
  readonly #address: ServersAddress;
  /** By name; the nodes that others told of follow those that were named. */
  readonly #endpoints: Map<string, Endpoint>;

  constructor(address: ServersAddress) {
    this.#address = address;
    this.#endpoints = new Map(address.endpoints.map((endpoint) => [nameOf(endpoint), endpoint]));
  }

  /**
   * Connects to the server that has `key`.
   *
   * @throws {NoServer} when none is to be had now
   * @throws {RedisError} when the server does not let this user in
   */
  async open(key: string): Promise<Found> {
    if (this.#address.sentinel !== undefined) return await this.#openByName();
    const reasons: string[] = [];
    for (const endpoint of [...this.#endpoints.values()]) {
      const found = await this.#follow({ endpoint, isAsking: false }, key, reasons);
      if (found) return found;
    }
    throw new NoServer(reasons.join("; "));
  }

  /**
   * Connects to every server that has keys: in a cluster all masters.
   *
   * @throws see {@linkcode Servers.open}
   */
  async openAll(): Promise<readonly Connection[]> {
    const { connection, isCluster } = await this.open("");
    if (!isCluster) return [connection];
    const slots = await ask(connection, ["CLUSTER", "SLOTS"]) as readonly (readonly Reply[])[];
    connection.close();
    const masters = new Map(slots.map(([, , master]) => {
      const [host, port] = master as readonly Reply[];
      return [`${host}:${port}`, { host: String(host), port: Number(port) }];
    }));
    const { endpoints: _, sentinel: __, ...access } = this.#address;
    return await Promise.all([...masters.values()].map((endpoint) => Connection.open({ endpoint, ...access })));
  }

  async #openByName(): Promise<Found> {
    const name = `master ${this.#address.sentinel}`;
    try {
      return { connection: await Connection.openByName(this.#address), name, isCluster: false };
    } catch (error) {
      throw new NoServer(`the sentinels do not know where ${name} is: ${(error as Error).message}`);
    }
  }

  /** Goes where `at` sends whoever asks for `key`; undefined when that leads nowhere, the reason is added to `reasons`. */
  async #follow(at: Place, key: string, reasons: string[]): Promise<Found | undefined> {
    for (let hops = 0; hops <= HOPS_MAX; hops++) {
      const connection = await this.#tryOpen(at, reasons);
      if (!connection) return undefined;
      const next = await this.#lookFor(key, connection).catch((error) => {
        connection.close();
        throw error;
      });
      if ("isCluster" in next) {
        return { connection, name: `${nameOf(at.endpoint)}${at.isAsking ? " asking" : ""}`, ...next };
      }
      connection.close();
      if ("reason" in next) {
        reasons.push(`${nameOf(at.endpoint)} ${next.reason}`);
        return undefined;
      }
      this.#endpoints.set(nameOf(next.endpoint), next.endpoint);
      at = next;
    }
    reasons.push(`${nameOf(at.endpoint)} is the end of ${HOPS_MAX} nodes that sent from one to the next`);
    return undefined;
  }

  async #tryOpen({ endpoint, isAsking }: Place, reasons: string[]): Promise<Connection | undefined> {
    const { endpoints: _, sentinel: __, ...access } = this.#address;
    const address: ServerAddress = { endpoint, ...access };
    try {
      return await Connection.open(address, { isAsking });
    } catch (error) {
      // Who is not let in at one server is not let in at the others.
      if (isForbidden(error)) throw new RedisError((error as Error).message);
      reasons.push(`${nameOf(endpoint)}: ${(error as Error).message}`);
      return undefined;
    }
  }

  /** Whether the connection leads to the right server, or where to go instead. */
  async #lookFor(key: string, connection: Connection): Promise<Pick<Found, "isCluster"> | Place | Nowhere> {
    const hello = await ask(connection, ["HELLO"]) as readonly Reply[];
    const says = (name: string): Reply => hello[hello.indexOf(name) + 1];
    const type = await ask(connection, ["TYPE", key]);
    // A user who may not look may still be the one who reads or writes.
    if (type instanceof RedisError && type.code !== "NOPERM") return placeOf(type);
    // The only server there is may be a replica: to be read, it will do.
    if (this.#endpoints.size > 1 && says("role") !== "master") return { reason: "is a replica" };
    return { isCluster: says("mode") === "cluster" };
  }
}

interface Place {
  readonly endpoint: Endpoint;
  readonly isAsking: boolean;
}

interface Nowhere {
  readonly reason: string;
}

/** `MOVED 3999 127.0.0.1:6381`. @throws {RedisError} another error than one that sends on */
function placeOf(error: RedisError): Place | Nowhere {
  const { code, message } = error;
  if (code === "LOADING" || code === "CLUSTERDOWN" || code === "MASTERDOWN") return { reason: `says ${message}` };
  const [, host, port] = /^(?:MOVED|ASK) \d+ (.*):(\d+)$/.exec(message) ?? [];
  if (port === undefined) throw error;
  // A node that does not know its own address leaves it out.
  return host === ""
    ? { reason: `says ${message}` }
    : { endpoint: { host, port: Number(port) }, isAsking: code === "ASK" };
}

function isForbidden(error: unknown): boolean {
  return /^(NOAUTH|WRONGPASS|NOPERM|ERR AUTH|ERR invalid DB|ERR DB index)/i.test((error as Error).message);
}

async function ask(connection: Connection, command: readonly Word[]): Promise<Reply> {
  return new ReplyReader(await connection.request(encodeCommands([command]))).next();
}
