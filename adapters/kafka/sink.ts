/**
 * Kafka topics as a sink: the outputs of a feed and the checkpoint of its task are one transaction.
 *
 * A task has a transactional id, `<run>.<task>`. Whoever acquires it fences older owners, reads the checkpoint, and
 * writes his name into it. After any error the producer is dropped; its outcome is read from the checkpoint (I5). An
 * owner that finds another name there was taken over from, and stops. The guarantee is for readers with
 * `isolation.level=read_committed`.
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
import {
  checkpointBatch,
  type CheckpointPlace,
  type CheckpointRecord,
  checkpointTopic,
  peekCheckpoint,
  readCheckpoint,
  recordOf,
  topicSafe,
} from "./checkpoint.ts";
import { CheckpointPartitions } from "./checkpoint_partitions.ts";
import { connectionOf, type ConnectionSettings } from "./connection_settings.ts";
import { encodeOutputs } from "./output_encoder.ts";
import { patiently } from "../patience.ts";
import { patience } from "./patience.ts";
import { Cluster } from "./protocol/cluster.ts";
import type { GroupOffsets } from "./protocol/transaction_offsets.ts";
import { type TransactionProtocol, transactionProtocolOf } from "./protocol/transaction_protocol.ts";
import { SharedProducer } from "./shared_producer.ts";
import { isFenced, mayPass, reasonOf, refused, unknown } from "./sink_errors.ts";
import { findTopic, openTopic, type SinkTopic, type SinkTopicOptions } from "./sink_topic.ts";

/** How to write topics of a cluster. */
export interface KafkaSinkOptions {
  /** Host and port of brokers to ask first. */
  readonly brokers: readonly string[];
  /** Output name → topic; `default` takes the outputs that are not named. */
  readonly topics: ReadonlyMap<string, SinkTopicOptions>;
  /** The name of the run: its transactional ids and its checkpoints bear it. */
  readonly run: string;
  /**
   * Whether other processes have tasks of the run: then each task has a transactional id of its own, by which they fence each
   * other. Alone, a process commits all tasks that wait in one transaction. @default {false}
   */
  readonly isShared?: boolean;
  /** The consumer group that shows how far the run has come; undefined for none. */
  readonly group: string | undefined;
  /** After so long the broker aborts a transaction that was left open. */
  readonly transactionTimeoutMs: number;
  /** Which transaction protocol to use; what the cluster finalized unless given. */
  readonly protocol?: TransactionProtocol;
  /** How to connect. */
  readonly settings: ConnectionSettings;
  /** Tells who writes from everybody else: host, process and start time, joined by colons. @default {this process} */
  readonly owner?: string;
  /** Something a person should know, in one line. */
  readonly onNotice: (text: string) => void;
}

/** Another start of the same process has another time. */
const THIS_PROCESS = `${Deno.hostname()}:${Deno.pid}:${Math.round(performance.timeOrigin)}`;
/** How long what passes is tried again before the run has begun; later the controller decides. */
const OPEN_MS_MAX = 10_000;
/** How often, and after which pause, a fenced owner looks who took over: that may be about to say so. */
const OWNER_LOOKS = 5;
const OWNER_LOOK_MS = 200;

interface Opened {
  readonly cluster: Cluster;
  readonly protocol: TransactionProtocol;
  /** Those that there are. */
  readonly topics: ReadonlyMap<string, SinkTopic>;
}

/** See the module. */
export class KafkaSink implements Sink {
  readonly guarantee = "exactly-once";
  readonly home = "sink";
  readonly takesManyTasks = true;
  readonly description: string;
  readonly #options: KafkaSinkOptions;
  readonly #cluster: Cluster;
  /** By output name; all of them once it is prepared. */
  readonly #topics: Map<string, SinkTopic>;
  readonly #checkpoints: CheckpointPartitions;
  readonly #protocol: TransactionProtocol;
  readonly #owner: string;
  /** By task, or one for all. */
  readonly #producers = new Map<string, SharedProducer>();
  /** The tasks that were ever acquired, and who had each before. */
  readonly #acquired = new Map<string, string | undefined>();
  readonly #warned = new Set<string>();

  private constructor(options: KafkaSinkOptions, { cluster, protocol, topics }: Opened) {
    this.#options = options;
    this.#cluster = cluster;
    this.#topics = new Map(topics);
    this.#checkpoints = new CheckpointPartitions(cluster, checkpointTopic(options.run));
    this.#protocol = protocol;
    this.#owner = options.owner ?? THIS_PROCESS;
    this.description = `kafka:${cluster.id}/${[...options.topics.values()].map(({ topic }) => topic).join(",")}`;
  }

  /**
   * Connects, and finds the topics; those that are to be made are made by {@linkcode KafkaSink.prepare}.
   *
   * @throws {SinkError} when no broker answers, or there is no such topic
   */
  static async open(options: KafkaSinkOptions): Promise<KafkaSink> {
    const { brokers, settings } = options;
    let cluster: Cluster | undefined;
    try {
      const found = cluster = await Cluster.connect(
        connectionOf(brokers, settings),
        [...options.topics.values()][0]?.topic,
      );
      return new KafkaSink(options, await patiently(patience(found, OPEN_MS_MAX), () => findAll(found, options)));
    } catch (cause) {
      cluster?.close();
      throw unwritable(brokers, cause);
    }
  }

  async prepare(tasks: number): Promise<void> {
    const { brokers, topics } = this.#options;
    this.#checkpoints.prepare(tasks);
    const missing = [...topics].filter(([output]) => !this.#topics.has(output));
    try {
      for (const [output, topic] of missing) {
        const made = await patiently(patience(this.#cluster, OPEN_MS_MAX), () => openTopic(this.#cluster, topic));
        this.#topics.set(output, made);
      }
    } catch (cause) {
      throw unwritable(brokers, cause);
    }
  }

  async acquire(task: string, epoch: bigint): Promise<Acquired> {
    try {
      const place = await this.#checkpoints.placeOf(task);
      if (this.#acquired.has(task)) this.#refuseZombie(task, await peekCheckpoint(this.#cluster, place));
      const { group } = this.#options;
      // The first group of a cluster waits for its coordinator: better now than in the first transaction.
      if (group !== undefined) await this.#cluster.coordinatorOf("group", group);
      await this.#producerOf(task).own(task);
      const found = await readCheckpoint(this.#cluster, place);
      // Somebody may have come between the first look and the fence; he fences again when he finds himself fenced.
      if (this.#acquired.has(task)) this.#refuseZombie(task, found);
      const nothing = { seq: -1, positions: {}, digest: "" };
      const takeover = checkpointBatch(place, { ...nothing, ...found, epoch, owner: this.#owner });
      await this.#producerOf(task).commit({ task, batches: [takeover], offsets: [] });
      this.#acquired.set(task, found?.owner);
      return { epoch, checkpoint: found && checkpointOf(found) };
    } catch (cause) {
      if (cause instanceof SinkError) throw cause;
      await this.#cluster.refresh().catch(() => {});
      const act = `Cannot take over task ${task} of ${this.#options.run}`;
      throw mayPass(cause) ? unknown(act, { task, cause }) : refused(act, { task, cause });
    }
  }

  async commit(commit: Commit): Promise<Receipt> {
    const { task, seq, epoch: _, ...rest } = commit;
    if (!this.#acquired.has(task)) throw new Error(`Cannot commit feed ${seq} of task ${task}: it was not acquired`);
    const { batches, oldestMs } = encodeOutputs(this.#options.run, commit, this.#topicsOf(rest.outputNames));
    this.#warnOfRetention(oldestMs);
    const place = await this.#checkpoints.placeOf(task);
    try {
      const checkpoint = checkpointBatch(place, recordOf(commit, this.#owner));
      await this.#producerOf(task).commit({
        task,
        batches: [...batches, checkpoint],
        offsets: this.#groupOffsets(commit.positions),
      });
      return {};
    } catch (cause) {
      if (isFenced(cause)) await this.#lookForOwner(task, place);
      await this.#cluster.refresh().catch(() => {});
      const data = { task, seq, cause };
      if (mayPass(cause)) throw unknown(`Cannot tell whether feed ${seq} of task ${task} was committed`, data);
      throw refused(`Cannot commit feed ${seq} of task ${task}`, data);
    }
  }

  release(task: string): void {
    this.#acquired.delete(task);
    if (this.#options.isShared) this.#producers.delete(task);
  }

  close(): Promise<void> {
    this.#cluster.close();
    return Promise.resolve();
  }

  #producerOf(task: string): SharedProducer {
    const { run, group, transactionTimeoutMs, isShared = false } = this.#options;
    const whose = isShared ? task : "";
    const known = this.#producers.get(whose);
    if (known) return known;
    const transactionalId = topicSafe(isShared ? `${run}-${task}` : run);
    const options = { transactionalId, group, protocol: this.#protocol, transactionTimeoutMs };
    const producer = new SharedProducer(this.#cluster, options);
    this.#producers.set(whose, producer);
    return producer;
  }

  /** By output name; undefined for those that go to another system. */
  #topicsOf(outputNames: readonly string[]): readonly (SinkTopic | undefined)[] {
    return outputNames.map((name) => this.#topics.get(name) ?? this.#topics.get("default"));
  }

  /** Only what is read from this cluster can be shown by a group of this cluster. */
  #groupOffsets(positions: readonly CommitPosition[]): GroupOffsets["offsets"] {
    const own = positions.filter(({ source }) => source.startsWith(`kafka:${this.#cluster.id}/`));
    return own.map(({ stream, partition, position }) => ({ topic: stream, partition: Number(partition), position }));
  }

  /** Who owned the task must not take it back from whoever came after him. */
  #refuseZombie(task: string, found: CheckpointRecord | undefined): void {
    if (found && this.#isSuccessor(task, found)) throw this.#takenOver(task, found);
  }

  /**
   * Not yet fenced, the checkpoint may be that of before the own one: a transaction that is committed is shown to readers once
   * the brokers have marked it.
   */
  #isSuccessor(task: string, { owner }: CheckpointRecord): boolean {
    return owner !== this.#owner && owner !== this.#acquired.get(task);
  }

  async #lookForOwner(task: string, place: CheckpointPlace): Promise<void> {
    for (let look = 0; look < OWNER_LOOKS; look++) {
      const found = await peekCheckpoint(this.#cluster, place).catch(() => undefined);
      if (found && this.#isSuccessor(task, found)) throw this.#takenOver(task, found);
      await new Promise((resolve) => setTimeout(resolve, OWNER_LOOK_MS));
    }
  }

  #takenOver(task: string, { owner, seq }: CheckpointRecord): SinkError {
    const [host, pid, startedMs] = owner.split(":");
    const since = new Date(Number(startedMs)).toISOString();
    return new SinkError(
      `Cannot go on with task ${task} of ${this.#options.run}: process ${pid} on ${host}, started at ${since}, has taken ` +
        `it over and stands at feed ${seq}; nothing is lost. Stop one of the two, or give them different names`,
      { code: "E_FENCED", task, seq },
    );
  }

  #warnOfRetention(oldestMs: ReadonlyMap<string, number>): void {
    for (const { topic, retentionMs } of this.#topics.values()) {
      const ageMs = Date.now() - (oldestMs.get(topic) ?? Infinity);
      if (ageMs <= retentionMs || this.#warned.has(topic)) continue;
      this.#warned.add(topic);
      this.#options.onNotice(
        `Topic ${topic} will drop outputs soon after they are written: they carry times of ` +
          `${new Date(oldestMs.get(topic)!).toISOString()}, and its retention.ms is ${retentionMs}. Raise it, or set ` +
          "message.timestamp.type=LogAppendTime",
      );
    }
  }
}

async function findAll(cluster: Cluster, options: KafkaSinkOptions): Promise<Opened> {
  const topics = new Map<string, SinkTopic>();
  for (const [output, topic] of options.topics) {
    const found = await findTopic(cluster, topic);
    if (found) topics.set(output, found);
  }
  return { cluster, topics, protocol: options.protocol ?? await transactionProtocolOf(cluster) };
}

function unwritable(brokers: readonly string[], cause: unknown): unknown {
  if ((cause as { readonly code?: unknown }).code === "E_USAGE" || cause instanceof SinkError) return cause;
  return new SinkError(`Cannot write kafka://${brokers.join(",")}: ${reasonOf(cause)}`, {
    code: "E_SINK_UNWRITABLE",
    cause,
  });
}

function checkpointOf({ seq, epoch }: CheckpointRecord): Checkpoint | undefined {
  return seq < 0 ? undefined : { seq, epoch, receipt: {} };
}
