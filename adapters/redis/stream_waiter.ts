/**
 * Waits for entries of any of a server's streams by one blocked XREAD, without spinning. When a stream joins while the
 * server is blocked, the block is ended (CLIENT UNBLOCK) and made anew with all of them, so that none waits for longer
 * than its entry takes to come.
 */

import type { Connection } from "./protocol/connection.ts";
import { encodeCommands, RedisError, type Reply, ReplyReader, type Word } from "./protocol/resp.ts";

/** A server or a proxy may think a silent connection dead. */
const BLOCK_MS = 5_000;

interface Waiting {
  /** Entries behind this one are waited for. */
  readonly id: string;
  readonly woken: PromiseWithResolvers<void>;
}

/** See the module. */
export class StreamWaiter {
  /** Blocked while it waits. */
  readonly #blocked: Connection;
  /** Another one, which can end the block. */
  readonly #free: Connection;
  readonly #waiting = new Map<string, Waiting>();
  #clientId: number | undefined;
  #isBlocking = false;
  /** The streams of the block under way. */
  #inBlock: ReadonlySet<string> = new Set();

  constructor(blocked: Connection, free: Connection) {
    this.#blocked = blocked;
    this.#free = free;
  }

  /** Whether it can wait again. */
  get isOpen(): boolean {
    return this.#blocked.isOpen;
  }

  /**
   * Resolves when `key` may have entries behind `id`.
   *
   * @throws {RedisError | OutcomeUnknown} when that cannot be found out (any more)
   */
  wait(key: string, id: string): Promise<void> {
    const known = this.#waiting.get(key);
    if (known?.id === id) return known.woken.promise;
    known?.woken.resolve();
    const waiting: Waiting = { id, woken: Promise.withResolvers<void>() };
    this.#waiting.set(key, waiting);
    if (!this.#isBlocking) void this.#loop();
    else if (known || !this.#inBlock.has(key)) void this.#interrupt();
    return waiting.woken.promise;
  }

  /** Nobody waits for `key` any more. */
  leave(key: string): void {
    this.#waiting.get(key)?.woken.resolve();
    this.#waiting.delete(key);
  }

  close(): void {
    this.#blocked.close();
    for (const key of [...this.#waiting.keys()]) this.leave(key);
  }

  async #loop(): Promise<void> {
    this.#isBlocking = true;
    try {
      this.#clientId ??= await this.#askId();
      while (this.#waiting.size > 0) for (const key of await this.#block()) this.leave(key);
    } catch (error) {
      for (const { woken } of this.#waiting.values()) woken.reject(error);
      this.#waiting.clear();
    } finally {
      this.#isBlocking = false;
      this.#inBlock = new Set();
    }
  }

  async #askId(): Promise<number> {
    return Number(new ReplyReader(await this.#blocked.request(encodeCommands([["CLIENT", "ID"]]))).next());
  }

  /** The streams that have entries; none when the time was up, or the block was ended. */
  async #block(): Promise<readonly string[]> {
    const keys = [...this.#waiting.keys()];
    this.#inBlock = new Set(keys);
    const ids = keys.map((key) => this.#waiting.get(key)!.id);
    const command: Word[] = ["XREAD", "COUNT", 1, "BLOCK", BLOCK_MS, "STREAMS", ...keys, ...ids];
    const reply: Reply = new ReplyReader(await this.#blocked.request(encodeCommands([command]))).next();
    if (reply instanceof RedisError) throw reply;
    // A map: keys and their entries in turn.
    return reply === null ? [] : (reply as readonly Reply[]).filter((_, i) => i % 2 === 0).map(String);
  }

  /** The request to wait may not have arrived yet: asked again until it has, or the streams are in a later one. */
  async #interrupt(): Promise<void> {
    const block = this.#inBlock;
    try {
      while (this.#inBlock === block && this.#isBlocking && this.#clientId !== undefined) {
        const reply = await this.#free.request(encodeCommands([["CLIENT", "UNBLOCK", this.#clientId]]));
        if (new ReplyReader(reply).next() !== 0) return;
      }
    } catch {
      // The connection is broken: whoever reads next finds out.
    }
  }
}
