/** Headers and partitions of packed outputs, one output after the other. */

import type { PackedOutputs } from "../engine/output.ts";

/** What an output has beside key and value. */
export interface Extra {
  /** As `headersToJson` made them. */
  readonly headers: string | undefined;
  /** The partition it names. */
  readonly partition: number | undefined;
}

/** Walks the headers and partitions of the outputs that have any. */
export class ExtraReader {
  readonly #extras: NonNullable<PackedOutputs["extras"]>;
  readonly #decoder = new TextDecoder();
  #row = 0;
  #at = 0;

  /** Begins with the first output. */
  constructor(extras: NonNullable<PackedOutputs["extras"]>) {
    this.#extras = extras;
  }

  /** What `output` has; asked for in order. */
  at(output: number): Extra | undefined {
    const { rows, partitions, headers, headerLengths } = this.#extras;
    if (rows[this.#row] !== output) return undefined;
    const row = this.#row++;
    const length = headerLengths[row];
    const partition = partitions[row] < 0 ? undefined : partitions[row];
    if (length < 0) return { headers: undefined, partition };
    return { headers: this.#decoder.decode(headers.subarray(this.#at, this.#at += length)), partition };
  }
}
