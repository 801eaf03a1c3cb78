/**
 * A Kafka cluster, as far as its clients can tell: topics, logs, leaders, coordinators. `requests.ts` speaks its protocol.
 *
 * Logs are replicated at once and lost never, as with acks=all and a quorum alive: what is simulated is everything that
 * happens to requests and answers, not the loss of what was acknowledged.
 */

import type { Host } from "../host.ts";
import { Coordinator } from "./coordinator.ts";
import { PartitionLog } from "./partition_log.ts";

/** How to make a cluster. */
export interface SimulatedKafkaOptions {
  readonly host: Host;
  /** The ports of its brokers; their node ids count from 1. */
  readonly ports: readonly number[];
  /** 2 for transactions as KIP-890 has them. */
  readonly transactionVersion: 1 | 2;
}

interface Topic {
  readonly id: Uint8Array;
  readonly config: ReadonlyMap<string, string>;
  readonly partitions: PartitionLog[];
  /** By partition; 0 while there is none. */
  readonly leaders: number[];
}

const MARKER_MS_MAX = 10;
const ELECTION_MS = 20;
const CLUSTER_ID = "simulated-kafka";

/** See the module. */
export class SimulatedKafka {
  readonly id = CLUSTER_ID;
  readonly host: Host;
  readonly ports: readonly number[];
  readonly transactionVersion: 1 | 2;
  readonly coordinator: Coordinator;
  readonly #topics = new Map<string, Topic>();
  readonly #groups = new Map<string, Map<string, bigint>>();
  readonly #down = new Set<number>();
  /** Fetches that wait for records, woken by whatever is appended. */
  readonly #waiting = new Set<() => void>();

  constructor({ host, ports, transactionVersion }: SimulatedKafkaOptions) {
    this.host = host;
    this.ports = ports;
    this.transactionVersion = transactionVersion;
    this.coordinator = new Coordinator({
      after: (delayMs, what, act) => host.after(delayMs, what, act),
      mark: (partition, producerId, epoch, isCommit) => this.#mark(partition, producerId, epoch, isCommit),
      commitOffsets: (group, offsets) => this.commitOffsets(group, offsets),
      markerDelayMs: () => host.number() ** 2 * MARKER_MS_MAX,
    });
  }

  get nodes(): readonly number[] {
    return this.ports.map((_, index) => index + 1);
  }

  get topics(): ReadonlyMap<string, Topic> {
    return this.#topics;
  }

  /** Makes a topic; false when there is one of that name. */
  createTopic(name: string, partitions: number, config: ReadonlyMap<string, string> = new Map()): boolean {
    if (this.#topics.has(name)) return false;
    const id = new Uint8Array(16);
    new DataView(id.buffer).setUint32(12, this.#topics.size + 1);
    const topic: Topic = { id, config, partitions: [], leaders: [] };
    this.#topics.set(name, topic);
    this.#grow(topic, partitions);
    return true;
  }

  /** Gives a topic more partitions; false when it has as many. */
  growTopic(name: string, partitions: number): boolean {
    const topic = this.#topics.get(name);
    if (!topic || topic.partitions.length >= partitions) return false;
    this.#grow(topic, partitions);
    return true;
  }

  #grow(topic: Topic, partitions: number): void {
    while (topic.partitions.length < partitions) {
      topic.leaders.push(this.#leaderFor(topic.partitions.length));
      topic.partitions.push(new PartitionLog());
    }
  }

  log(topic: string, partition: number): PartitionLog | undefined {
    return this.#topics.get(topic)?.partitions[partition];
  }

  leader(topic: string, partition: number): number {
    return this.#topics.get(topic)?.leaders[partition] ?? 0;
  }

  isDown(node: number): boolean {
    return this.#down.has(node);
  }

  /** The node that coordinates `id`, of those that are up. */
  coordinatorNode(id: string): number {
    const up = this.nodes.filter((node) => !this.#down.has(node));
    const hash = [...id].reduce((sum, letter) => Math.imul(sum, 31) + letter.charCodeAt(0) | 0, 0);
    return up[Math.abs(hash) % up.length] ?? 0;
  }

  /** Takes a node away: others lead after an election; whoever is connected to it has to be cut off by the caller. */
  takeDown(node: number): void {
    this.#down.add(node);
    this.host.after(ELECTION_MS * (1 + this.host.number()), "elects leaders", () => this.#elect());
  }

  bringUp(node: number): void {
    this.#down.delete(node);
    this.#elect();
  }

  #elect(): void {
    for (const { leaders } of this.#topics.values()) {
      leaders.forEach((leader, partition) => {
        if (leader === 0 || this.#down.has(leader)) leaders[partition] = this.#leaderFor(partition);
      });
    }
  }

  #leaderFor(partition: number): number {
    const up = this.nodes.filter((node) => !this.#down.has(node));
    return up.length === 0 ? 0 : up[partition % up.length];
  }

  #mark(partition: string, producerId: bigint, epoch: number, isCommit: boolean): boolean {
    const [topic, number] = splitPlace(partition);
    const leader = this.leader(topic, number);
    if (leader === 0 || this.#down.has(leader)) return false;
    this.log(topic, number)!.mark(producerId, epoch, isCommit, this.host.nowMs());
    this.wake();
    return true;
  }

  commitOffsets(group: string, offsets: ReadonlyMap<string, bigint>): void {
    this.#groups.set(group, new Map([...this.#groups.get(group) ?? [], ...offsets]));
  }

  groupOffsets(group: string): ReadonlyMap<string, bigint> {
    return this.#groups.get(group) ?? new Map();
  }

  /** Has `act` called when something was appended, or after `timeMs`. */
  whenAppended(timeMs: number, act: () => void): void {
    const once = (): void => {
      if (this.#waiting.delete(once)) act();
    };
    this.#waiting.add(once);
    this.host.after(timeMs, "has waited for records", once);
  }

  wake(): void {
    for (const act of [...this.#waiting]) act();
  }
}

/** `topic/partition`, which may hold more slashes. */
export function splitPlace(place: string): readonly [topic: string, partition: number] {
  const at = place.lastIndexOf("/");
  return [place.slice(0, at), Number(place.slice(at + 1))];
}
