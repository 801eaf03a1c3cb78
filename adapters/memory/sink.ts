/** A sink in memory: what tests look at. It keeps its own checkpoints, as a database would. */

import { unpackOutputs } from "../../formats/unpacked_outputs.ts";
import { type Acquired, type Checkpoint, type Commit, type Receipt, type Sink, SinkError } from "../sink.ts";

/** One output as it was committed. */
export interface MemoryOutput {
  /** The task that emitted it. */
  readonly task: string;
  /** Its key, or null. */
  readonly key: string | null;
  /** Its payload as text, or null for a tombstone. */
  readonly value: string | null;
  /** Milliseconds since the epoch. */
  readonly timeMs: number;
}

/** See the module. */
export class MemorySink implements Sink {
  /** See {@linkcode Sink.guarantee}. */
  readonly guarantee = "exactly-once";
  /** See {@linkcode Sink.home}. */
  readonly home = "sink";
  readonly description: string;
  readonly takesManyTasks = true;
  readonly #outputs: MemoryOutput[] = [];
  readonly #checkpoints = new Map<string, Checkpoint>();
  readonly #epochs = new Map<string, bigint>();

  /** `name` is shown in descriptions and belongs to the identity of a run. */
  constructor(name = "memory") {
    this.description = `memory:${name}`;
  }

  /** What has been committed, in order of commits. */
  get outputs(): readonly MemoryOutput[] {
    return this.#outputs;
  }

  acquire(task: string, epoch: bigint): Promise<Acquired> {
    this.#epochs.set(task, epoch);
    return Promise.resolve({ epoch, checkpoint: this.#checkpoints.get(task) });
  }

  commit({ task, seq, epoch, outputs }: Commit): Promise<Receipt> {
    const expected = (this.#checkpoints.get(task)?.seq ?? -1) + 1;
    if (epoch !== this.#epochs.get(task)) {
      throw new SinkError(`Cannot commit feed ${seq} of task ${task}: epoch ${epoch} is not the newest`, {
        code: "E_FENCED",
      });
    }
    if (seq !== expected) {
      throw new SinkError(`Cannot commit feed ${seq} of task ${task}: feed ${expected} is wanted`, {
        code: "E_OUT_OF_ORDER",
      });
    }
    for (const { key, value, timeMs } of unpackOutputs(outputs)) this.#outputs.push({ task, key, value, timeMs });
    this.#checkpoints.set(task, { seq, epoch, receipt: {} });
    return Promise.resolve({});
  }

  /** Gives back what is open. */
  close(): Promise<void> {
    return Promise.resolve();
  }
}
