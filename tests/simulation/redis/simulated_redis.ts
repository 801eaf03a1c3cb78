/** A Redis server, as far as its clients can tell: commands, scripts, transactions, blocked reads. */

import type { ConnectionHandler, ServerConnection } from "../world/network.ts";
import type { Host } from "../host.ts";
import { COMMANDS, entryAnswer } from "./commands.ts";
import { compareIds, KeySpace, parseId } from "./keys.ts";
import { Scripts } from "./lua.ts";
import { type Answer, CommandReader, encodeAnswer, Refusal, Status, toBytes } from "./resp.ts";

/** What a server that is no more than a copy may not have got yet. */
const REPLICATION_MS_MAX = 1000;
const HELLO = [["server", "redis"], ["version", "7.0.15"], ["mode", "standalone"], ["role", "master"]] as const;

/** See the module. */
export class SimulatedRedis {
  readonly host: Host;
  readonly keys = new KeySpace();
  readonly scripts = new Scripts();
  readonly #connections = new Map<number, RedisConnection>();
  #nextId = 1;
  isDown = false;
  /** Told of each command before it is done. */
  onCommand: ((name: string) => void) | undefined;

  constructor(host: Host) {
    this.host = host;
  }

  /** A client connects; undefined while the server is down. */
  accept(connection: ServerConnection): ConnectionHandler | undefined {
    if (this.isDown) return undefined;
    const id = this.#nextId++;
    const handler = new RedisConnection(this, id, connection, () => this.#connections.delete(id));
    this.#connections.set(id, handler);
    return handler;
  }

  /** Does one command, and wakes those who wait for what it wrote. */
  do(words: readonly string[]): Answer {
    const [name, ...rest] = words;
    const answer = this.#do(name.toUpperCase(), rest);
    this.keys.remember(this.host.nowMs(), REPLICATION_MS_MAX);
    for (const each of this.#connections.values()) each.look();
    return answer;
  }

  #do(name: string, words: readonly string[]): Answer {
    switch (name) {
      case "INFO":
        return "# Server\r\nredis_version:7.0.15\r\nloading:0\r\nmaxmemory_policy:noeviction\r\nrole:master\r\n";
      case "SCRIPT":
        return words[0].toUpperCase() === "LOAD" ? this.scripts.load(words[1]) : new Status("OK");
      case "EVAL":
        return this.#run(this.scripts.load(words[0]), words.slice(1));
      case "EVALSHA":
        if (!this.scripts.has(words[0])) return new Refusal("NOSCRIPT No matching script. Please use EVAL.");
        return this.#run(words[0], words.slice(1));
      default: {
        const command = COMMANDS[name];
        if (!command) return new Refusal(`ERR unknown command '${name}'`);
        return command(this.keys, words, Math.floor(this.host.nowMs()));
      }
    }
  }

  #run(sha: string, [count, ...rest]: readonly string[]): Answer {
    const keys = rest.slice(0, Number(count));
    return this.scripts.run(
      sha,
      keys,
      rest.slice(Number(count)),
      ([name, ...words]) => this.#do(name.toUpperCase(), words),
    );
  }

  /** Ends a block of another connection. */
  unblock(id: number): number {
    return this.#connections.get(id)?.unblock() ? 1 : 0;
  }

  /** Its replica takes over, which may not have got the last of what was written; it knows no scripts. */
  failOver(lostMs: number): boolean {
    this.scripts.flush();
    return this.keys.rewind(this.host.nowMs() - lostMs);
  }
}

interface Block {
  readonly keys: readonly string[];
  readonly ids: readonly string[];
  readonly count: number;
  isOver: boolean;
}

/** A client's connection: commands are done in their order; one that blocks holds back those behind it. */
class RedisConnection implements ConnectionHandler {
  readonly #redis: SimulatedRedis;
  readonly #id: number;
  readonly #connection: ServerConnection;
  readonly #onClose: () => void;
  readonly #reader = new CommandReader();
  readonly #waiting: (readonly string[])[] = [];
  #protocol: 2 | 3 = 2;
  #queued: (readonly string[])[] | undefined;
  #block: Block | undefined;

  constructor(redis: SimulatedRedis, id: number, connection: ServerConnection, onClose: () => void) {
    this.#redis = redis;
    this.#id = id;
    this.#connection = connection;
    this.#onClose = onClose;
  }

  onData(bytes: Uint8Array): void {
    this.#waiting.push(...this.#reader.take(bytes));
    this.#go();
  }

  onClose(): void {
    this.#block = undefined;
    this.#waiting.length = 0;
    this.#onClose();
  }

  /** Looks whether a block has an end. */
  look(): void {
    const block = this.#block;
    if (!block) return;
    const found = this.#read(block);
    if (found) this.#endBlock(found);
  }

  unblock(): boolean {
    if (!this.#block) return false;
    this.#endBlock(null);
    return true;
  }

  #go(): void {
    while (!this.#block && this.#waiting.length > 0) this.#do(this.#waiting.shift()!);
  }

  #do(words: readonly string[]): void {
    const name = words[0].toUpperCase();
    if (this.#queued && name !== "EXEC") {
      this.#queued.push(words);
      return this.#answer(new Status("QUEUED"));
    }
    switch (name) {
      case "HELLO":
        if (words[1] === "3") this.#protocol = 3;
        return this.#answer(
          new Map<string, Answer>([...HELLO, ["proto", this.#protocol], ["id", this.#id], ["modules", []]]),
        );
      case "CLIENT":
        return this.#answer(this.#client(words[1].toUpperCase(), words));
      case "SELECT":
        return this.#answer(new Status("OK"));
      case "MULTI":
        this.#queued = [];
        return this.#answer(new Status("OK"));
      case "EXEC": {
        const queued = this.#queued ?? [];
        this.#queued = undefined;
        return this.#answer(queued.map((each) => this.#redis.do(each)));
      }
      case "XREAD":
        return this.#startBlock(words);
      default:
        this.#redis.onCommand?.(name);
        return this.#answer(this.#redis.do(words));
    }
  }

  #client(act: string, words: readonly string[]): Answer {
    if (act === "ID") return this.#id;
    return act === "UNBLOCK" ? this.#redis.unblock(Number(words[2])) : new Status("OK");
  }

  /** XREAD COUNT n BLOCK ms STREAMS key… id… */
  #startBlock(words: readonly string[]): void {
    const at = words.findIndex((word) => word.toUpperCase() === "STREAMS");
    const names = words.slice(at + 1);
    const option = (name: string): number => Number(words[words.findIndex((word) => word.toUpperCase() === name) + 1]);
    const keys = names.slice(0, names.length / 2);
    const block: Block = { keys, ids: names.slice(keys.length), count: option("COUNT"), isOver: false };
    const found = this.#read(block);
    if (found) return this.#answer(found);
    this.#block = block;
    this.#redis.host.after(option("BLOCK"), "ends a block", () => {
      if (this.#block === block) this.#endBlock(null);
    });
  }

  #read({ keys, ids, count }: Block): Answer | undefined {
    const found = keys.flatMap((key, i): (readonly [string, Answer])[] => {
      const value = this.#redis.keys.get(key);
      const entries = value?.type === "stream" ? value.entries : [];
      const after = entries.filter((entry) => compareIds(entry, parseId(ids[i])) > 0).slice(0, count);
      return after.length > 0 ? [[key, after.map(entryAnswer)]] : [];
    });
    return found.length > 0 ? new Map(found) : undefined;
  }

  #endBlock(answer: Answer): void {
    this.#block = undefined;
    this.#answer(answer);
    this.#go();
  }

  #answer(answer: Answer): void {
    this.#connection.write(toBytes(encodeAnswer(answer, this.#protocol)));
  }
}
