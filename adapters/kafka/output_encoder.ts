/**
 * From a feed's outputs to record batches, without an object per record.
 *
 * Keys decide partitions as they do for Java's producer; an output may name its own; outputs without a key go to the
 * partition of their feed's number, so that a feed that is run again writes the same bytes to the same place.
 */

import { headersFromJson } from "../../engine/headers.ts";
import type { PackedOutputs } from "../../engine/output.ts";
import { ExtraReader } from "../../formats/extra_reader.ts";
import { partitionOfKey } from "../../formats/murmur2.ts";
import { type Commit, SinkError } from "../sink.ts";
import { BatchEncoder, RECORD_OVERHEAD } from "./protocol/batch_encoder.ts";
import { encodeHeaders } from "./protocol/record_headers.ts";
import { viewOf } from "./protocol/view.ts";
import type { SinkTopic } from "./sink_topic.ts";

/** Batches of this size are efficient, and below what brokers take by default. */
const BATCH_BYTES_AIM = 1_000_000;
/** What a batch may have beside its records, with room for a codec that makes them larger. */
const BATCH_OVERHEAD = 4_096;

/** What was encoded. */
export interface EncodedOutputs {
  readonly batches: readonly BatchEncoder[];
  /** The oldest time per topic. */
  readonly oldestMs: ReadonlyMap<string, number>;
}

/**
 * Encodes the outputs of `commit`; `topics` are the places of its output names, undefined for those that go elsewhere.
 *
 * @throws {SinkError} when a record is larger than its topic takes, or names a partition that there is not
 */
export function encodeOutputs(run: string, commit: Commit, topics: readonly (SinkTopic | undefined)[]): EncodedOutputs {
  const { outputs } = commit;
  const own = topics.filter((topic) => topic !== undefined);
  // Outputs that are written alike to one topic share a writer: there, their order is that in which they were emitted.
  const writers = new Map([...Map.groupBy(own, wayOf)].map(([way, [topic]]) => {
    return [way, new TopicWriter(topic, commit, outputs.count)];
  }));
  const hasOrigin = own.some((topic) => topic.hasOrigin);
  encodeAll(outputs, {
    writerOf: topics.map((topic) => topic && writers.get(wayOf(topic))!),
    extras: outputs.extras && new ExtraReader(outputs.extras),
    origin: hasOrigin ? `${run}/${commit.task}/${commit.seq}` : undefined,
  });
  return finish([...writers.values()]);
}

function wayOf({ topic, compression, hasOrigin }: SinkTopic): string {
  return JSON.stringify([topic, compression, hasOrigin]);
}

interface Encoding {
  /** By number of the output's name. */
  readonly writerOf: readonly (TopicWriter | undefined)[];
  readonly extras: ExtraReader | undefined;
  readonly origin: string | undefined;
}

/** Nothing may follow the loop: V8 throws optimized code away at what does, and optimizes anew, for every feed. */
function encodeAll(outputs: PackedOutputs, { writerOf, extras, origin }: Encoding): void {
  const { count, keyLengths, valueLengths, timesMs, names } = outputs;
  const keys = viewOf(outputs.keys);
  const values = viewOf(outputs.values);
  let keyAt = 0;
  let valueAt = 0;
  for (let i = 0; i < count; i++) {
    const keyLength = keyLengths[i];
    const valueLength = valueLengths[i];
    const writer = writerOf[names[i]]!;
    const extra = extras?.at(i);
    const headers = extra?.headers !== undefined || (origin !== undefined && writer.topic.hasOrigin)
      ? headerBytes(extra?.headers, writer.topic.hasOrigin ? `${origin}/${i}` : undefined)
      : undefined;
    const partition = extra?.partition ?? writer.partitionOf(keys, keyAt, keyLength);
    const size = Math.max(keyLength, 0) + Math.max(valueLength, 0) + RECORD_OVERHEAD + (headers?.length ?? 0);
    const batch = writer.batch(partition, size, i);
    batch.add(timesMs[i], keys, keyAt, keyLength, values, valueAt, valueLength, headers);
    writer.noteTime(timesMs[i]);
    keyAt += Math.max(keyLength, 0);
    valueAt += Math.max(valueLength, 0) + 1;
  }
}

function finish(writers: readonly TopicWriter[]): EncodedOutputs {
  return {
    batches: writers.flatMap((writer) => writer.finish()),
    oldestMs: new Map(writers.map(({ topic, oldestMs }) => [topic.topic, oldestMs])),
  };
}

/** The batches of one topic. */
class TopicWriter {
  readonly topic: SinkTopic;
  readonly #commit: Commit;
  /** By partition. */
  readonly #open: (BatchEncoder | undefined)[];
  readonly #batches: BatchEncoder[] = [];
  readonly #firstOutputs: number[] = [];
  readonly #bytesHint: number;
  readonly #batchBytesMax: number;
  readonly #keyless: number;
  oldestMs = Infinity;

  constructor(topic: SinkTopic, commit: Commit, count: number) {
    const { keys, values } = commit.outputs;
    this.topic = topic;
    this.#commit = commit;
    this.#batchBytesMax = Math.min(BATCH_BYTES_AIM, topic.batchBytesMax - BATCH_OVERHEAD);
    const all = keys.length + values.length + count * RECORD_OVERHEAD;
    this.#bytesHint = Math.min(Math.ceil(all / topic.partitions), this.#batchBytesMax);
    this.#keyless = commit.seq % topic.partitions;
    // All of one kind and length: V8 optimizes for what an array was like before.
    this.#open = Array.from({ length: topic.partitions }, () => undefined);
  }

  partitionOf(keys: DataView, at: number, length: number): number {
    return length < 0 ? this.#keyless : partitionOfKey(keys, at, at + length, this.topic.partitions);
  }

  /** The batch that takes a record of `size` bytes. */
  batch(partition: number, size: number, output: number): BatchEncoder {
    const open = this.#open[partition];
    if (open !== undefined && open.length + size <= this.#batchBytesMax) return open;
    const { topic, partitions } = this.topic;
    if (partition >= partitions) {
      throw this.#refuse(
        output,
        `it is to go to partition ${partition}, the topic has ${partitions}`,
        "E_NO_PARTITION",
      );
    }
    const batch = this.#open[partition] = new BatchEncoder(topic, partition, Math.max(this.#bytesHint, size));
    this.#batches.push(batch);
    this.#firstOutputs.push(output);
    return batch;
  }

  noteTime(timeMs: number): void {
    if (timeMs < this.oldestMs) this.oldestMs = timeMs;
  }

  finish(): readonly BatchEncoder[] {
    const { compression, batchBytesMax } = this.topic;
    this.#batches.forEach((batch, i) => {
      batch.compress(compression);
      if (batch.length <= batchBytesMax) return;
      const reason =
        `its batch has ${batch.length} bytes, the topic takes ${batchBytesMax}; raise its max.message.bytes, ` +
        "or emit less";
      throw this.#refuse(this.#firstOutputs[i], reason, "E_RECORD_TOO_LARGE");
    });
    return this.#batches;
  }

  #refuse(output: number, reason: string, code: string): SinkError {
    const { task, seq } = this.#commit;
    return new SinkError(
      `Cannot write output ${output} of feed ${seq}, task ${task}, to ${this.topic.topic}: ${reason}`,
      {
        code,
      },
    );
  }
}

function headerBytes(json: string | undefined, origin: string | undefined): Uint8Array {
  const headers = json === undefined ? [] : headersFromJson(json);
  if (origin !== undefined) headers.push({ name: "sluice.origin", value: new TextEncoder().encode(origin) });
  return encodeHeaders(headers);
}
