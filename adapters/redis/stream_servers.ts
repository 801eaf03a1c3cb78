/** The connections of a source: streams that are on the same server share one to read, and one to wait. */

import { tagOf } from "./key_tag.ts";
import type { Connection } from "./protocol/connection.ts";
import type { Servers } from "./servers.ts";
import { StreamWaiter } from "./stream_waiter.ts";

/** A server that has some of the streams. */
interface StreamServer {
  readonly reading: Connection;
  readonly isCluster: boolean;
  /** In a cluster one per hash tag: a command names keys of one slot only. */
  readonly waiters: Map<string, Promise<StreamWaiter>>;
}

/** See the module. */
export class StreamServers {
  readonly #servers: Servers;
  /** By the name of what their connections lead to. */
  readonly #byName = new Map<string, StreamServer>();
  /** By stream; a promise while it is looked for. */
  readonly #byKey = new Map<string, Promise<StreamServer>>();

  constructor(servers: Servers) {
    this.#servers = servers;
  }

  /** A connection to the server that has `key`. @throws see {@linkcode Servers.open} */
  async reading(key: string): Promise<Connection> {
    return (await this.#of(key)).reading;
  }

  /** What waits for entries of `key`. @throws see {@linkcode Servers.open} */
  async waiter(key: string): Promise<StreamWaiter> {
    const server = await this.#of(key);
    const group = server.isCluster ? tagOf(key) : "";
    const known = server.waiters.get(group);
    if (known && (await known.catch(() => undefined))?.isOpen) return await known;
    // Another may have been here while this one waited.
    const latest = server.waiters.get(group);
    if (latest && latest !== known) return await latest;
    const opening = this.#servers.open(key).then(({ connection }) => new StreamWaiter(connection, server.reading));
    server.waiters.set(group, opening);
    return await opening;
  }

  /** Something is wrong with the server of `key`: the next who needs it looks again where it is. */
  async forget(key: string): Promise<void> {
    const server = await this.#byKey.get(key)?.catch(() => undefined);
    this.#byKey.delete(key);
    if (server) await close(server);
  }

  async close(): Promise<void> {
    for (const server of this.#byName.values()) await close(server);
  }

  async #of(key: string): Promise<StreamServer> {
    const known = await this.#byKey.get(key)?.catch(() => undefined);
    if (known?.reading.isOpen) return known;
    const looking = this.#lookFor(key);
    this.#byKey.set(key, looking);
    return await looking;
  }

  async #lookFor(key: string): Promise<StreamServer> {
    const { connection, name, isCluster } = await this.#servers.open(key);
    const known = this.#byName.get(name);
    if (known?.reading.isOpen) {
      connection.close();
      return known;
    }
    const server = { reading: connection, isCluster, waiters: new Map() };
    this.#byName.set(name, server);
    return server;
  }
}

async function close({ reading, waiters }: StreamServer): Promise<void> {
  reading.close();
  for (const waiter of waiters.values()) (await waiter.catch(() => undefined))?.close();
  waiters.clear();
}
