/**
 * Moves prepared bytes over a connection that ioredis made: address, TLS, user and sentinels are ioredis's business.
 * Replies are taken raw, before its decoder would make a Buffer of every value. It has no hook there: this replaces the
 * listener of its socket, so the version is pinned and tests/adapters/redis covers what is used here.
 *
 * A connection lives as long as its socket. A request that ends without its reply has an unknown outcome (I5): nothing
 * here reconnects or sends again.
 */

import { Redis, type RedisOptions } from "ioredis";
import type { ServerAddress, ServersAddress } from "../address.ts";
import { encodeCommands, ReplyError, ReplyScanner } from "./resp.ts";

const NOTHING = new Uint8Array(0);
const REPLY_BYTES_FIRST = 4 * 1024;
const COMMAND_TIMEOUT_MS = 30_000;

const CONNECT_TIMEOUT_MS = 10_000;
const ASKING = encodeCommands([["ASKING"]]);
const OK_BYTES = "+OK\r\n".length;
const LINE_FEED = 10;

/** A request ended without its reply: the server may or may not have done it. */
export class OutcomeUnknown extends Error {
  override readonly name = "OutcomeUnknown";
  readonly code = "E_REDIS_CONNECTION";
}

interface Awaited {
  readonly scanner: ReplyScanner;
  readonly answered: PromiseWithResolvers<Uint8Array<ArrayBuffer>>;
  bytes: Uint8Array<ArrayBuffer>;
  filled: number;
}

/** See the module. */
export class Connection {
  readonly #redis: Redis;
  /** Requests whose replies have not come yet, the oldest first: replies come in their order. */
  readonly #awaited: Awaited[] = [];
  readonly #closed = new AbortController();
  #isClosing = false;
  /** Whether anything has come since the connection was taken over. */
  #hasHeard = false;
  /** What the last reply needed: the next one is often as large. */
  #replyBytes = REPLY_BYTES_FIRST;

  readonly #isAsking: boolean;

  private constructor(redis: Redis, isAsking: boolean) {
    this.#redis = redis;
    this.#isAsking = isAsking;
    const { stream } = redis;
    stream.removeAllListeners("data");
    stream.on("data", (chunk: Uint8Array) => this.#take(chunk));
    stream.on("close", () => {
      this.#fail("the connection was closed");
      this.#closed.abort();
    });
  }

  /**
   * Connects.
   *
   * @param isAsking a node of a cluster that is about to get the keys that are asked for: it answers who says so
   * @throws whatever ioredis says is wrong
   */
  static async open(address: ServerAddress, { isAsking = false } = {}): Promise<Connection> {
    const { endpoint, ...access } = address;
    return new Connection(await connect({ ...endpoint, ...access }), isAsking);
  }

  /** Connects to the master that sentinels know. @throws whatever ioredis says is wrong */
  static async openByName({ endpoints, sentinel, ...access }: ServersAddress): Promise<Connection> {
    const sentinels = endpoints.flatMap((endpoint) => "path" in endpoint ? [] : [endpoint]);
    const options = { sentinels, name: sentinel!, role: "master", sentinelRetryStrategy: () => null } as const;
    return new Connection(await connect({ ...options, ...access }), false);
  }

  /**
   * Sends encoded commands; answers their `replies` replies, undecoded, in a buffer of its own. Requests may follow one
   * another without waiting: the server does them in their order.
   *
   * @throws {OutcomeUnknown} when no reply came
   * @throws {ReplyError} when what came is none
   */
  async request(commands: Uint8Array, replies = 1): Promise<Uint8Array<ArrayBuffer>> {
    if (!this.#isAsking) return await this.#exchange(commands, replies);
    const both = new Uint8Array(ASKING.length + commands.length);
    both.set(ASKING);
    both.set(commands, ASKING.length);
    const answer = await this.#exchange(both, replies + 1);
    if (answer[0] !== "+".charCodeAt(0)) throw new ReplyError("ASKING was refused");
    return answer.slice(OK_BYTES);
  }

  async #exchange(commands: Uint8Array, replies: number): Promise<Uint8Array<ArrayBuffer>> {
    const answered = Promise.withResolvers<Uint8Array<ArrayBuffer>>();
    this.#awaited.push({ scanner: new ReplyScanner(replies), answered, bytes: NOTHING, filled: 0 });
    const timer = setTimeout(() => this.#fail(`no reply came within ${COMMAND_TIMEOUT_MS} ms`), COMMAND_TIMEOUT_MS);
    try {
      const { stream } = this.#redis;
      if (stream.writable) stream.write(commands);
      else this.#fail("the connection was closed");
      return await answered.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Whether another request can be sent. */
  get isOpen(): boolean {
    return this.#redis.stream.writable;
  }

  /** Aborts when it is closed, by whomever. */
  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  /** Once: each further time ioredis would add a listener and a timer for as long as the socket is closing. */
  close(): void {
    if (this.#isClosing) return;
    this.#isClosing = true;
    this.#redis.disconnect();
  }

  #take(chunk: Uint8Array): void {
    // ioredis takes its last reply for whole when the line feed behind it is still on its way. None begins with one.
    const isLeftOver = !this.#hasHeard && chunk[0] === LINE_FEED;
    this.#hasHeard = true;
    for (let rest = isLeftOver ? chunk.subarray(1) : chunk; rest.length > 0;) {
      const [awaited] = this.#awaited;
      if (!awaited) return this.#fail("the server sent what nobody asked for");
      this.#append(awaited, rest);
      try {
        if (!awaited.scanner.scan(awaited.bytes, awaited.filled)) return;
      } catch (error) {
        return this.#end(error);
      }
      const { at } = awaited.scanner;
      // What is left belongs to the next reply.
      rest = rest.subarray(rest.length - (awaited.filled - at));
      this.#awaited.shift();
      this.#replyBytes = Math.max(REPLY_BYTES_FIRST, at);
      awaited.answered.resolve(awaited.bytes.subarray(0, at));
    }
  }

  #append(awaited: Awaited, chunk: Uint8Array): void {
    const needed = awaited.filled + chunk.length;
    if (awaited.bytes === NOTHING) awaited.bytes = new Uint8Array(Math.max(needed, this.#replyBytes));
    else if (needed > awaited.bytes.length) {
      awaited.bytes = new Uint8Array(awaited.bytes.buffer.transfer(Math.max(needed, 2 * awaited.bytes.length)));
    }
    awaited.bytes.set(chunk, awaited.filled);
    awaited.filled = needed;
  }

  #fail(reason: string): void {
    this.#end(new OutcomeUnknown(`Cannot tell whether the server did what it was asked for: ${reason}`));
  }

  /** What comes later would be taken for another reply. */
  #end(error: unknown): void {
    this.close();
    for (const { answered } of this.#awaited.splice(0)) answered.reject(error);
  }
}

async function connect(options: Omit<RedisOptions, "replyMapping">): Promise<Redis> {
  const redis = new Redis({
    ...options,
    lazyConnect: true,
    connectTimeout: CONNECT_TIMEOUT_MS,
    retryStrategy: () => null,
    maxRetriesPerRequest: 0,
    autoResendUnfulfilledCommands: false,
  });
  // Every command rejects by itself, but only this says why; without a listener ioredis prints.
  let reason: Error | undefined;
  redis.on("error", (error: Error) => reason = error);
  try {
    await redis.connect();
    // What ioredis asks by itself after connecting is answered before this is.
    await redis.ping();
    // It also goes on in database 0 when the server does not let it into the one that was asked for.
    if (options.db !== undefined) await redis.select(options.db);
    return redis;
  } catch (error) {
    redis.disconnect();
    throw reason ?? error;
  }
}
