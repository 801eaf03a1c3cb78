/** Writes outputs without a run: each is a Kinesis record of its own. */

import type { KinesisClient } from "@aws-sdk/client-kinesis";
import type { PackedOutputs } from "../../engine/output.ts";
import type { KinesisAddress } from "./client.ts";
import { openClient } from "./client.ts";
import { putInOrder } from "./ordered_puts.ts";
import { outputsOf } from "./outputs.ts";
import { cannotWrite, putLimits, RECORD_BYTES_MAX } from "./sink.ts";

/** See the module. */
export class KinesisWriter {
  readonly #address: KinesisAddress;
  readonly #client: KinesisClient;
  #chunks = 0;

  constructor(address: KinesisAddress) {
    this.#address = address;
    this.#client = openClient(address);
  }

  /**
   * Writes `outputs`, each key's in order; the stream has acknowledged all of them when it resolves.
   *
   * @throws {SinkError} when one is refused, or it is unknown whether some were written
   */
  async write(outputs: PackedOutputs): Promise<void> {
    const nowhere = { run: "put", task: "put", epoch: 0n, positions: [], digest: new Uint8Array(0) };
    const commit = { ...nowhere, seq: this.#chunks++, outputs, outputNames: ["default"] };
    const entries = outputsOf(commit, { recordBytesMax: RECORD_BYTES_MAX, hasIds: false })
      .map(({ key, value }) => ({ lane: key, key, data: value }));
    try {
      await putInOrder(this.#client, this.#address.stream, entries, putLimits());
    } catch (cause) {
      throw cannotWrite(cause as Error, this.#address);
    }
  }

  close(): void {
    this.#client.destroy();
  }
}
