/**
 * The position of a consumer group, moved behind what is committed so that ordinary tools (XINFO GROUPS) show how far
 * Sluice has come. Nothing depends on it: Sluice never reads it, and what cannot be moved stays where it is.
 */

import type { Connection } from "./protocol/connection.ts";
import { encodeCommands, RedisError, ReplyReader, type Word } from "./protocol/resp.ts";

/** How far a stream is committed. */
export interface Committed {
  readonly id: string;
  /** How many entries came up to it, where that is known. */
  readonly entriesRead: number | undefined;
}

/** See the module. */
export class GroupPosition {
  readonly #group: string;
  readonly #key: string;
  readonly #connect: () => Promise<Connection>;
  #wanted: Committed | undefined;
  #moving: Promise<void> | undefined;

  constructor(group: string, key: string, connect: () => Promise<Connection>) {
    this.#group = group;
    this.#key = key;
    this.#connect = connect;
  }

  /** One move at a time; what is wanted meanwhile is one move, later. */
  moveTo(committed: Committed): void {
    this.#wanted = committed;
    this.#moving ??= this.#move().catch(() => {}).finally(() => this.#moving = undefined);
  }

  /** Resolves when the latest position was moved to, as far as possible. */
  async settled(): Promise<void> {
    await this.#moving;
  }

  async #move(): Promise<void> {
    while (this.#wanted) {
      const { id, entriesRead } = this.#wanted;
      this.#wanted = undefined;
      const connection = await this.#connect();
      const to: Word[] = [
        this.#key,
        this.#group,
        id,
        ...(entriesRead === undefined ? [] : ["ENTRIESREAD", entriesRead]),
      ];
      const reply = await connection.request(encodeCommands([["XGROUP", "SETID", ...to]]));
      const answer = new ReplyReader(reply).next();
      if (answer instanceof RedisError && answer.code === "NOGROUP") {
        await connection.request(encodeCommands([["XGROUP", "CREATE", ...to]]));
      }
    }
  }
}
