/**
 * Redis streams as a sink: one script per feed checks owner and order, adds the outputs and moves the checkpoint.
 *
 * Any error closes the connection; whoever acquires again opens another, which shuts out what may still be on its way:
 * a commit of the former owner is refused by its name, also one of this process (I5).
 */

import {
  type Acquired,
  type Checkpoint,
  type Commit,
  type CommitPosition,
  type Receipt,
  type Sink,
  SinkError,
} from "../sink.ts";
import { encodeCommit } from "./commit_encoder.ts";
import { Connection, type ServerAddress } from "./protocol/connection.ts";
import type { EntryFields } from "./protocol/entries.ts";
import { encodeCommands, RedisError, type Reply, ReplyReader } from "./protocol/resp.ts";
import { ACQUIRE, COMMIT } from "./scripts.ts";

/** How to write streams. */
export interface RedisSinkOptions {
  readonly address: ServerAddress;
  /** Output name → key of a stream; `default` takes the outputs that are not named. */
  readonly streams: ReadonlyMap<string, string>;
  /** The fields of value and key; `k` unless the key's is given. */
  readonly fields: EntryFields;
  /** The name of the run: its checkpoints bear it. */
  readonly run: string;
}

const KEY_FIELD = "k";
/** The server does nothing else for 2 to 3 ms per commit; larger ones gain nothing (reference/prototype/redis). */
const FEED_LIMIT = { recordsMax: 1_000, bytesMax: 128 * 1024 };
/** Nothing was done: another server, or the same with an empty memory, does not know the script. */
const NOT_DONE: ReadonlySet<string> = new Set([
  "NOSCRIPT",
  "LOADING",
  "BUSY",
  "MOVED",
  "ASK",
  "TRYAGAIN",
  "CLUSTERDOWN",
]);

interface Owned {
  /** Differs from owner to owner, also when a failover lost the last one. */
  readonly owner: string;
  readonly connection: Connection;
}

/** See the module. */
export class RedisSink implements Sink {
  readonly guarantee = "exactly-once";
  readonly home = "sink";
  readonly takesManyTasks = true;
  readonly feedLimit = FEED_LIMIT;
  readonly description: string;
  readonly #options: RedisSinkOptions;
  readonly #streams: readonly string[];
  /** The digest of the script, by which the server knows it. */
  readonly #commitSha: string;
  #connection: Connection;
  #opening: Promise<Connection> | undefined;
  readonly #owned = new Map<string, Owned>();

  private constructor(options: RedisSinkOptions, connection: Connection, commitSha: string) {
    const { address, streams } = options;
    this.#options = options;
    this.#streams = [...new Set(streams.values())];
    this.#connection = connection;
    this.#commitSha = commitSha;
    const server = "path" in address ? address.path : `${address.host}:${address.port}`;
    this.description = `redis:${server}/${address.db ?? 0}/${this.#streams.join(",")}`;
  }

  /**
   * Connects.
   *
   * @throws {SinkError} when the server cannot be reached
   */
  static async open(options: RedisSinkOptions): Promise<RedisSink> {
    let connection: Connection | undefined;
    try {
      connection = await Connection.open(options.address);
      await refuseEviction(connection);
      return new RedisSink(options, connection, await loadCommit(connection));
    } catch (cause) {
      connection?.close();
      if (cause instanceof SinkError) throw cause;
      const stream = [...options.streams.values()].join(",");
      const message = `Cannot write Redis stream ${stream}: ${(cause as Error).message}`;
      throw new SinkError(message, { code: "E_SINK_UNWRITABLE", cause });
    }
  }

  async acquire(task: string, epoch: bigint): Promise<Acquired> {
    try {
      const connection = await this.#connect();
      const owner = `${epoch}:${crypto.randomUUID()}`;
      const words = ["EVAL", ACQUIRE, 1, this.#checkpointOf(task), owner];
      const reply = valueOf(await connection.request(encodeCommands([words])));
      this.#owned.set(task, { owner, connection });
      return { epoch, checkpoint: checkpointOf(reply) };
    } catch (cause) {
      throw unknown(`Cannot take over task ${task} of ${this.#options.run}`, { task, cause });
    }
  }

  async commit(commit: Commit): Promise<Receipt> {
    const { task, seq } = commit;
    const owned = this.#owned.get(task);
    if (!owned) throw new Error(`Cannot commit feed ${seq} of task ${task}: it was not acquired`);
    const command = encodeCommit(this.#headOf(commit, owned.owner), commit, this.#streamsOf(commit.outputNames));
    try {
      valueOf(await owned.connection.request(command));
      return {};
    } catch (cause) {
      const place = { task, seq, cause };
      if (!(cause instanceof RedisError) || NOT_DONE.has(cause.code)) {
        throw unknown(`Cannot tell whether feed ${seq} of task ${task} was committed`, place);
      }
      const code = cause.code === "FENCED" ? "E_FENCED" : "E_SINK_UNWRITABLE";
      throw new SinkError(`Cannot commit feed ${seq} of task ${task}: ${cause.message}`, { ...place, code });
    }
  }

  close(): Promise<void> {
    this.#connection.close();
    return Promise.resolve();
  }

  /** The connection there is, or another one; tasks share it. */
  async #connect(): Promise<Connection> {
    if (this.#connection.isOpen) return this.#connection;
    this.#opening ??= reopen(this.#options.address).finally(() => this.#opening = undefined);
    return this.#connection = await this.#opening;
  }

  /** The hash tag puts it into the slot of the first stream. */
  #checkpointOf(task: string): string {
    const [stream] = this.#streams;
    const tag = /\{([^}]+)\}/.exec(stream)?.[1] ?? stream;
    return `sluice:checkpoint:${this.#options.run}:${task}:{${tag}}`;
  }

  /** By output name. */
  #streamsOf(outputNames: readonly string[]): readonly number[] {
    const { streams } = this.#options;
    return outputNames.map((name) => this.#streams.indexOf((streams.get(name) ?? streams.get("default"))!));
  }

  #headOf({ task, seq, epoch, digest, positions, outputs }: Commit, owner: string) {
    const { fields } = this.#options;
    const keys = [this.#checkpointOf(task), ...this.#streams];
    const state = [owner, seq, epoch, digest.toHex(), JSON.stringify(positionsOf(positions)), timeOf(outputs.timesMs)];
    return ["EVALSHA", this.#commitSha, keys.length, ...keys, ...state, fields.value, fields.key ?? KEY_FIELD];
  }
}

async function loadCommit(connection: Connection): Promise<string> {
  return String(valueOf(await connection.request(encodeCommands([["SCRIPT", "LOAD", COMMIT]]))));
}

/** @throws {SinkError} when the server may forget any key: without the checkpoint a run would do everything once more */
async function refuseEviction(connection: Connection): Promise<void> {
  const info = String(valueOf(await connection.request(encodeCommands([["INFO", "memory"]]))));
  const policy = /^maxmemory_policy:(\S+)/m.exec(info)?.[1];
  if (!policy?.startsWith("allkeys-")) return;
  throw new SinkError(
    `Cannot write to Redis: its maxmemory-policy is ${policy}, which may drop the checkpoint; noeviction or volatile-… is ` +
      "wanted: CONFIG SET maxmemory-policy noeviction",
    { code: "E_EVICTION" },
  );
}

/** A server that was restarted has forgotten its scripts. */
async function reopen(address: ServerAddress): Promise<Connection> {
  const connection = await Connection.open(address);
  await loadCommit(connection);
  return connection;
}

/** @throws {RedisError} when the reply is one */
function valueOf(bytes: Uint8Array): Reply {
  const reply = new ReplyReader(bytes).next();
  if (reply instanceof RedisError) throw reply;
  return reply;
}

function checkpointOf(reply: Reply): Checkpoint | undefined {
  const [seq, epoch] = reply as readonly (string | null)[];
  return seq === null ? undefined : { seq: Number(seq), epoch: BigInt(epoch!), receipt: {} };
}

function positionsOf(positions: readonly CommitPosition[]): Readonly<Record<string, string>> {
  return Object.fromEntries(
    positions.map(({ stream, partition, position }) => [`${stream}/${partition}`, String(position)]),
  );
}

/** The time of a feed: that of its latest output. */
function timeOf(timesMs: Float64Array): number {
  let latestMs = 0;
  for (const timeMs of timesMs) if (timeMs > latestMs) latestMs = timeMs;
  return Math.floor(latestMs);
}

function unknown(act: string, { task, seq, cause }: { task: string; seq?: number; cause: unknown }): SinkError {
  return new SinkError(`${act}: ${(cause as Error).message}`, {
    code: "E_COMMIT_UNKNOWN",
    isRetriable: true,
    task,
    ...(seq === undefined ? {} : { seq }),
    cause,
  });
}
