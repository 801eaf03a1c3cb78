/**
 * A second run in the same process, over the same sandboxes and journal file, as the pipelines of a file have it: neither
 * may notice the other. What it reads and writes is in memory and never fails; what it shares does.
 */

import { MemorySource } from "../../adapters/memory/source.ts";
import {
  type Acquired,
  type Checkpoint,
  type Commit,
  type Receipt,
  type Sink,
  SinkError,
} from "../../adapters/sink.ts";
import { toHex } from "../../engine/digest.ts";
import { unpackOutputs } from "../../formats/unpacked_outputs.ts";

const RECORDS = 30;
const FIRST_MS = 1_749_000_000_000;

/** See the module. It outlives the processes that it runs in. */
export class Neighbour {
  readonly #seen: string[] = [];
  #checkpoint: Checkpoint | undefined;
  /** The number of the start that took it over last. */
  #owner = -1;

  /** What it wrote otherwise than `calm`, which nobody disturbed. */
  differenceFrom(calm: Neighbour): Error | undefined {
    const at = this.#seen.findIndex((value, index) => value !== calm.#seen[index]);
    if (at < 0) return undefined;
    return new Error(`output ${at} of the neighbour is ${this.#seen[at]}, wanted is ${calm.#seen[at] ?? "none"}`);
  }

  /** What it has not written in the end. */
  lackOf(calm: Neighbour): string | undefined {
    const [seen, wanted] = [this.#seen.length, calm.#seen.length];
    return seen < wanted ? `the neighbour has ${seen} of ${wanted} outputs in the end` : undefined;
  }

  openSource(): MemorySource {
    const records = Array.from({ length: RECORDS }, (_, i) => ({ value: String(i), eventTimeMs: FIRST_MS + i }));
    return new MemorySource("beside", { "0": records });
  }

  /** Where the start of that number writes: whoever was started later shuts it out. */
  openSink(number: number): Sink {
    const requireOwner = (): void => {
      if (number < this.#owner) throw new SinkError("Cannot write: a later start does", { code: "E_FENCED" });
      this.#owner = number;
    };
    return {
      guarantee: "exactly-once",
      home: "sink",
      description: "memory:beside",
      takesManyTasks: true,
      acquire: (_task: string, epoch: bigint): Promise<Acquired> => {
        requireOwner();
        return Promise.resolve({ epoch, checkpoint: this.#checkpoint });
      },
      commit: (commit: Commit): Promise<Receipt> => {
        requireOwner();
        this.#commit(commit);
        return Promise.resolve({});
      },
      close: () => Promise.resolve(),
    };
  }

  #commit({ seq, epoch, outputs, digest }: Commit): void {
    const wanted = (this.#checkpoint?.seq ?? -1) + 1;
    if (seq !== wanted) {
      throw new SinkError(`Cannot commit feed ${seq}: ${wanted} is wanted`, { code: "E_OUT_OF_ORDER" });
    }
    for (const { value } of unpackOutputs(outputs)) this.#seen.push(value!);
    this.#checkpoint = { seq, epoch, receipt: {}, digest: toHex(digest) };
  }
}
