/** Writes outputs without a run: entries with the server's time as ids, or what else a target holds. */

import { ExtraReader } from "../../formats/extra_reader.ts";
import { partitionOfKey } from "../../formats/murmur2.ts";
import type { PackedOutputs } from "../../engine/output.ts";
import { SinkError } from "../sink.ts";
import { identityOf, type ServersAddress } from "./address.ts";
import { generalEntry, NoEntry } from "./general_entry.ts";
import type { Connection } from "./protocol/connection.ts";
import { encodeCommands, RedisError, ReplyReader, type Word } from "./protocol/resp.ts";
import { Servers } from "./servers.ts";
import type { RedisTarget } from "./targets.ts";

/** See the module. */
export class RedisWriter {
  readonly #target: RedisTarget;
  readonly #description: string;
  readonly #servers: Servers;
  /** By key: parts may be on several nodes. */
  readonly #connections = new Map<string, Connection>();
  #keyless = 0;

  private constructor(address: ServersAddress, target: RedisTarget) {
    this.#target = target;
    this.#servers = new Servers(address);
    this.#description = `${identityOf(address)}/${target.key}`;
  }

  /** Connects. @throws {SinkError} when the server cannot be reached */
  static async open(address: ServersAddress, target: RedisTarget): Promise<RedisWriter> {
    const writer = new RedisWriter(address, target);
    try {
      await writer.#connection(writer.#keyOf(0));
      return writer;
    } catch (cause) {
      throw writer.#error(cause);
    }
  }

  /**
   * Writes `outputs`; the server has acknowledged all of them when it resolves.
   *
   * @throws {SinkError} when one is refused, or it is unknown whether some were written
   */
  async write(outputs: PackedOutputs): Promise<void> {
    const commands = Map.groupBy(this.#commandsOf(outputs), ({ key }) => key);
    try {
      for (const [key, some] of commands) await this.#send(key, some.map(({ words }) => words));
    } catch (cause) {
      throw this.#error(cause);
    }
  }

  close(): void {
    for (const connection of this.#connections.values()) connection.close();
  }

  async #send(key: string, commands: readonly (readonly Word[])[]): Promise<void> {
    const connection = await this.#connection(key);
    const replies = new ReplyReader(await connection.request(encodeCommands(commands), commands.length));
    for (let i = 0; i < commands.length; i++) {
      const reply = replies.next();
      if (reply instanceof RedisError) throw reply;
    }
  }

  async #connection(key: string): Promise<Connection> {
    const known = this.#connections.get(key);
    if (known?.isOpen) return known;
    const { connection } = await this.#servers.open(key);
    this.#connections.set(key, connection);
    return connection;
  }

  *#commandsOf(outputs: PackedOutputs): Generator<{ readonly key: string; readonly words: readonly Word[] }> {
    const { count, keys, values, keyLengths, valueLengths, extras } = outputs;
    const reader = extras && new ExtraReader(extras);
    const view = new DataView(keys.buffer, keys.byteOffset, keys.byteLength);
    let [keyAt, valueAt] = [0, 0];
    for (let i = 0; i < count; i++) {
      const [keyEnd, valueEnd] = [keyAt + Math.max(keyLengths[i], 0), valueAt + Math.max(valueLengths[i], 0)];
      const extra = reader?.at(i);
      const part = extra?.partition ?? this.#partOf(view, keyAt, keyLengths[i]);
      const key = keyLengths[i] < 0 ? null : keys.subarray(keyAt, keyEnd);
      const value = valueLengths[i] < 0 ? null : values.subarray(valueAt, valueEnd);
      const place = this.#keyOf(part);
      yield { key: place, words: this.#wordsOf(place, key, value, extra?.headers) };
      [keyAt, valueAt] = [keyEnd, valueEnd + 1];
    }
  }

  #partOf(keys: DataView, at: number, length: number): number {
    const { parts } = this.#target;
    if (!parts) return 0;
    const count = parts.last - parts.first + 1;
    return length < 0 ? this.#keyless++ % count : partitionOfKey(keys, at, at + length, count);
  }

  #keyOf(part: number): string {
    const { key, parts } = this.#target;
    if (!parts) return key;
    if (part <= parts.last - parts.first) return `${key}:${parts.first + part}`;
    throw new SinkError(`Cannot write to part ${part} of ${key}: it has ${parts.last - parts.first + 1}`, {
      code: "E_NO_PARTITION",
    });
  }

  #wordsOf(place: string, key: Uint8Array | null, value: Uint8Array | null, headers: string | undefined): Word[] {
    const { kind } = this.#target;
    switch (kind) {
      case "stream": {
        const [keyText, text] = [textOf(key), textOf(value)];
        const { id, words } = generalEntry({ target: this.#target, key: keyText, value: text, headers });
        if (words.length === 0) throw new NoEntry("E_NO_FIELD", "a record has neither key nor value");
        return ["XADD", place, id ?? "*", ...words];
      }
      case "hash":
        if (key === null) throw new NoEntry("E_NO_KEY", "a record has no key, and a hash has a value per key");
        return value === null ? ["HDEL", place, key] : ["HSET", place, key, value];
      case "list":
      case "channel":
        if (value === null) {
          throw new NoEntry("E_NO_FIELD", "a record has no value, and there is nothing else to write");
        }
        return [kind === "list" ? "RPUSH" : "PUBLISH", place, value];
      default:
        return kind satisfies never;
    }
  }

  #error(cause: unknown): SinkError {
    if (cause instanceof SinkError) return cause;
    const message = `Cannot write ${this.#description}: ${(cause as Error).message}`;
    return new SinkError(message, { code: "E_SINK_UNWRITABLE", cause });
  }
}

const decoder = new TextDecoder();

function textOf(bytes: Uint8Array | null): string | null {
  return bytes && decoder.decode(bytes);
}
