/**
 * Redis as a sink: one script per feed checks owner and order, writes the outputs and moves the checkpoint.
 *
 * Any error that is not about the outputs closes the connection; whoever acquires again opens another, to whichever
 * server has the keys then. That shuts out what may still be on its way: a commit of the former owner is refused by its
 * name, also one of this process (I5).
 */

import { patiently } from "../patience.ts";
import { type Acquired, type Checkpoint, type Commit, type Receipt, type Sink, SinkError } from "../sink.ts";
import { identityOf, type ServersAddress } from "./address.ts";
import { encodeCommit } from "./commit_encoder.ts";
import type { Connection } from "./protocol/connection.ts";
import { isPassing, isRefusedForNow } from "./protocol/passing.ts";
import { encodeCommands, RedisError, type Reply, ReplyReader, type Word } from "./protocol/resp.ts";
import { ACQUIRE, COMMIT } from "./scripts.ts";
import { Servers } from "./servers.ts";
import { type RedisTarget, Targets } from "./targets.ts";

/** How to write to Redis. */
export interface RedisSinkOptions {
  /** Where the servers are. */
  readonly address: ServersAddress;
  /** Output name → where it goes; `default` takes the outputs that are not named. */
  readonly targets: ReadonlyMap<string, RedisTarget>;
  /** The name of the run: its checkpoints bear it. */
  readonly run: string;
  /** What a commit waits for before it counts. */
  readonly durability?: Durability;
}

/** Who has to have a commit before it counts. */
export interface Durability {
  /** So many replicas. */
  readonly replicas: number;
  /** Whether it has to be on disk: on the server's, and on those of `replicas` (Redis 7.2). */
  readonly isOnDisk: boolean;
  /** How long to wait for them at a time. */
  readonly timeoutMs: number;
}

/** The server does nothing else for 2 to 3 ms per commit; larger ones gain nothing (reference/prototype/redis). */
const FEED_LIMIT = { recordsMax: 1_000, bytesMax: 128 * 1024 };

/** The server finds the next commit there when it is done with one; more would keep its other clients waiting. */
const COMMITS_IN_FLIGHT_MAX = 3;
/** For so long what passes is tried again before the run has begun; later the controller decides. */
const OPEN_MS_MAX = 3_000;

const NEVER = new AbortController().signal;

interface Owned {
  /** Differs from owner to owner, also when a failover lost the last one. */
  readonly owner: string;
  readonly connection: Connection;
}

/** See the module. */
export class RedisSink implements Sink {
  readonly guarantee: "exactly-once" | "at-least-once";
  readonly home = "sink";
  readonly takesManyTasks = true;
  readonly feedLimit: { readonly recordsMax: number; readonly bytesMax: number } = FEED_LIMIT;
  readonly commitsInFlightMax: number = COMMITS_IN_FLIGHT_MAX;
  readonly description: string;
  readonly #options: RedisSinkOptions;
  readonly #targets: Targets;
  readonly #servers: Servers;
  readonly #owned = new Map<string, Owned>();
  /** Every owner that was sent, whether it arrived or not. */
  readonly #claims = new Set<string>();
  #opening: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  /** The digest of the script. */
  #sha = "";

  private constructor(options: RedisSinkOptions) {
    this.#options = options;
    this.#targets = new Targets(options.targets);
    this.#servers = new Servers(options.address);
    this.guarantee = this.#targets.isExactlyOnce ? "exactly-once" : "at-least-once";
    this.description = `${identityOf(options.address)}/${this.#targets.description}`;
  }

  /**
   * Connects.
   *
   * @throws {SinkError} when the server cannot be reached, or may drop the checkpoint
   */
  static async open(options: RedisSinkOptions): Promise<RedisSink> {
    const sink = new RedisSink(options);
    try {
      await patiently({ timeMsMax: OPEN_MS_MAX, isPassing }, () => sink.#connect());
      return sink;
    } catch (cause) {
      if (cause instanceof SinkError) throw cause;
      const message = `Cannot write ${sink.description}: ${(cause as Error).message}`;
      throw new SinkError(message, { code: "E_SINK_UNWRITABLE", cause });
    }
  }

  async acquire(task: string, epoch: bigint): Promise<Acquired> {
    let connection: Connection | undefined;
    try {
      connection = await this.#connect();
      const owner = `${epoch} ${Deno.hostname()} ${Deno.pid} ${crypto.randomUUID()}`;
      this.#claims.add(owner);
      const reply = await this.#durably(
        connection,
        encodeCommands([["EVAL", ACQUIRE, 1, this.#checkpointOf(task), owner]]),
      );
      this.#owned.set(task, { owner, connection });
      return { epoch, checkpoint: checkpointOf(reply) };
    } catch (cause) {
      throw this.#explain(`Cannot take over task ${task} of ${this.#options.run}`, { task }, cause, connection);
    }
  }

  async commit(commit: Commit): Promise<Receipt> {
    const { task, seq } = commit;
    const owned = this.#owned.get(task);
    if (!owned) throw new Error(`Cannot commit feed ${seq} of task ${task}: it was not acquired`);
    const head = { sha: this.#sha, checkpointKey: this.#checkpointOf(task), owner: owned.owner };
    const command = encodeCommit(head, commit, this.#targets);
    try {
      await this.#durably(owned.connection, command);
      return {};
    } catch (cause) {
      throw this.#explain(`Cannot commit feed ${seq} of task ${task}`, { task, seq }, cause, owned.connection);
    }
  }

  /** A server that was restarted, or whose replica has taken over, may be a second behind; a cut connection says no more. */
  mayHaveLost(task: string): AbortSignal {
    return this.#owned.get(task)?.connection.closed ?? NEVER;
  }

  close(): Promise<void> {
    this.#connection?.close();
    return Promise.resolve();
  }

  /** The connection there is, or another one; tasks share it. */
  async #connect(): Promise<Connection> {
    if (this.#connection?.isOpen) return this.#connection;
    this.#opening ??= this.#open().finally(() => this.#opening = undefined);
    return this.#connection = await this.#opening;
  }

  async #open(): Promise<Connection> {
    const { connection, isCluster } = await this.#servers.open(this.#checkpointOf("0"));
    try {
      if (isCluster) await refuseSlots(connection, this.#targets.keys);
      await refuseEviction(connection);
      // A server that was restarted, or is another one, does not know the script.
      this.#sha = String(valueOf(await connection.request(encodeCommands([["SCRIPT", "LOAD", COMMIT]]))));
      return connection;
    } catch (error) {
      connection.close();
      throw error;
    }
  }

  /** Sends one command, and waits for those who have to have what it did. */
  async #durably(connection: Connection, command: Uint8Array<ArrayBuffer>): Promise<Reply> {
    const { durability } = this.#options;
    if (!durability) return valueOf(await connection.request(command));
    const { replicas, isOnDisk, timeoutMs } = durability;
    const wait: Word[] = isOnDisk ? ["WAITAOF", 1, replicas, timeoutMs] : ["WAIT", replicas, timeoutMs];
    const replies = new ReplyReader(await connection.request(concat(command, encodeCommands([wait])), 2));
    const reply = raise(replies.next());
    const answer = raise(replies.next());
    const [local, found] = Array.isArray(answer) ? answer.map(Number) : [1, Number(answer)];
    if (local < 1 || found < replicas) throw new NotDurable(durability, { isLocal: local >= 1, replicas: found });
    return reply;
  }

  #checkpointOf(task: string): string {
    return `sluice:checkpoint:${this.#options.run}:${task}:{${this.#targets.tag}}`;
  }

  #explain(
    act: string,
    place: { readonly task: string; readonly seq?: number },
    cause: unknown,
    connection: Connection | undefined,
  ): SinkError {
    if (cause instanceof SinkError) return cause;
    const { message, code } = cause as RedisError;
    // What this process sent to take it over and gave up may arrive late, and shut out its own later attempt.
    const isOwn = code === "FENCED" && this.#claims.has(message.slice("FENCED ".length));
    const isFinal = cause instanceof RedisError && !isRefusedForNow(cause) && !isOwn;
    if (!isFinal) connection?.close();
    const data = { ...place, cause };
    if (!isFinal) return new SinkError(`${act}: ${message}`, { ...data, code: "E_COMMIT_UNKNOWN", isRetriable: true });
    if (message.includes("unknown command 'WAITAOF'")) {
      return new SinkError(`${act}: the server does not know WAITAOF; aof=true needs Redis 7.2 or Valkey`, {
        ...data,
        code: "E_SINK_UNWRITABLE",
      });
    }
    if (code === "FENCED") return new SinkError(`${act}: ${takenOver(message)}`, { ...data, code: "E_FENCED" });
    return new SinkError(`${act}: ${message}`, { ...data, code: "E_SINK_UNWRITABLE" });
  }
}

/** Too few have a commit. It happened, and may be lost with the server; it counts as soon as they have it. */
class NotDurable extends Error {
  override readonly name = "NotDurable";

  constructor({ replicas, isOnDisk }: Durability, found: { readonly isLocal: boolean; readonly replicas: number }) {
    const disk = isOnDisk && !found.isLocal ? "it is not on the server's disk yet, and " : "";
    super(`${disk}${found.replicas} of ${replicas} replicas have it; it counts when all do`);
  }
}

/** `FENCED 5 host 123 nonce`: who has the task now. */
function takenOver(message: string): string {
  const [, epoch, host, pid] = message.split(" ");
  if (pid === undefined) return "its checkpoint was deleted; whoever did so has to start a run with another --name";
  return `process ${pid} on ${host} took the task over, with epoch ${epoch}; one process at a time can run it`;
}

/** @throws {SinkError} when one command cannot name all keys */
async function refuseSlots(connection: Connection, keys: readonly string[]): Promise<void> {
  const commands = keys.map((key) => ["CLUSTER", "KEYSLOT", key]);
  const replies = new ReplyReader(await connection.request(encodeCommands(commands), commands.length));
  const slots = new Set(keys.map(() => raise(replies.next())));
  if (slots.size <= 1) return;
  throw new SinkError(
    `Cannot write ${
      keys.join(", ")
    } together: they are in ${slots.size} slots of the cluster, one is wanted; give them ` +
      `the same hash tag, such as {${keys[0]}}:1`,
    { code: "E_CROSS_SLOT" },
  );
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

/** @throws {RedisError} when the reply is one */
function valueOf(bytes: Uint8Array): Reply {
  return raise(new ReplyReader(bytes).next());
}

function raise(reply: Reply): Reply {
  if (reply instanceof RedisError) throw reply;
  return reply;
}

function concat(first: Uint8Array, second: Uint8Array): Uint8Array<ArrayBuffer> {
  const both = new Uint8Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

function checkpointOf(reply: Reply): Checkpoint | undefined {
  const [seq, epoch, digest] = reply as readonly (string | null)[];
  return seq === null ? undefined : { seq: Number(seq), epoch: BigInt(epoch!), receipt: {}, digest: digest! };
}
