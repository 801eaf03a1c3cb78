/** The partitions of a run's checkpoint topic: one per task, made before they are needed. */

import type { CheckpointPlace } from "./checkpoint.ts";
import type { Cluster } from "./protocol/cluster.ts";
import { CODE, KafkaError } from "./protocol/kafka_error.ts";
import { createTopic } from "./sink_topic.ts";

const PARTITIONS_MIN = 8;
/** Old checkpoints are of no use: segments are closed, and compacted, often. */
const CONFIG = { "cleanup.policy": "compact", "segment.ms": "3600000", "segment.bytes": "67108864" };

/** See the module. */
export class CheckpointPartitions {
  readonly #cluster: Cluster;
  readonly #topic: string;
  #partitions = 0;
  /** The most that were asked for: tasks start side by side, and what they need is made at once. */
  #wanted = 0;
  /** One thing at a time. */
  #work: Promise<void> = Promise.resolve();

  constructor(cluster: Cluster, topic: string) {
    this.#cluster = cluster;
    this.#topic = topic;
  }

  /** Makes the topic while other things are prepared; what fails is tried again, and told, when a task needs it. */
  prepare(tasks: number): void {
    this.placeOf(String(tasks - 1)).catch(() => {});
  }

  /** Where the checkpoints of `task` are. */
  async placeOf(task: string): Promise<CheckpointPlace> {
    const partition = Number(task);
    if (partition >= this.#partitions) {
      this.#wanted = Math.max(this.#wanted, partition + 1);
      const before = this.#work;
      const work = before.catch(() => {}).then(() => this.#require(partition + 1));
      this.#work = work;
      await work;
    }
    return { topic: this.#topic, partition };
  }

  async #require(wanted: number): Promise<void> {
    if (wanted <= this.#partitions) return;
    const topic = this.#topic;
    const before = await this.#count();
    const partitions = Math.max(PARTITIONS_MIN, 2 ** Math.ceil(Math.log2(this.#wanted)));
    if (before === 0) await createTopic(this.#cluster, topic, { partitions, config: CONFIG });
    else if (before < wanted) await this.#grow(partitions);
    const known = await this.#count();
    // The broker that was asked has not heard of them yet: whoever acquires tries again.
    if (known < wanted) throw new KafkaError(CODE.leaderNotAvailable, `use partition ${wanted - 1} of ${topic}`);
    this.#partitions = known;
  }

  /** That there are so many already is as good: metadata may lag behind an earlier call. */
  async #grow(count: number): Promise<void> {
    const topicPartitions = [{ topic: this.#topic, count }];
    try {
      await this.#cluster.administer((admin) => admin.createPartitions({ topicPartitions }));
    } catch (error) {
      if ((error as { readonly type?: string }).type !== "INVALID_PARTITIONS") throw error;
    }
    await this.#cluster.refresh();
  }

  async #count(): Promise<number> {
    try {
      return (await this.#cluster.topic(this.#topic)).partitions.length;
    } catch (error) {
      if (error instanceof KafkaError && error.errorCode === CODE.unknownTopicOrPartition) return 0;
      throw error;
    }
  }
}
