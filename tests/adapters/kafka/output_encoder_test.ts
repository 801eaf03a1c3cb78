/** From outputs to record batches: what goes where, and in which order. */

import { assertEquals } from "@std/assert";
import { encodeOutputs } from "../../../adapters/kafka/output_encoder.ts";
import { decodeRecordSet } from "../../../adapters/kafka/protocol/record_set.ts";
import type { SinkTopic } from "../../../adapters/kafka/sink_topic.ts";
import type { Commit } from "../../../adapters/sink.ts";
import { packOutputs } from "../../../formats/unpacked_outputs.ts";

const TOPIC: SinkTopic = {
  topic: "t",
  compression: "none",
  hasOrigin: false,
  partitions: 1,
  batchBytesMax: 1_000_000,
  retentionMs: Infinity,
};
const NAMES = ["a", "b"];

function commitOf(outputs: readonly (readonly [name: number, value: string])[]): Commit {
  return {
    run: "run",
    task: "0",
    seq: 0,
    epoch: 1n,
    outputs: packOutputs(outputs.map(([name, value]) => ({ name, key: null, value, timeMs: 1 }))),
    outputNames: NAMES,
    positions: [],
    digest: new Uint8Array(16),
  };
}

function valuesIn(commit: Commit, topics: readonly SinkTopic[]): string[][] {
  const { batches } = encodeOutputs("run", commit, topics);
  return batches.map((batch) => {
    batch.compress("none");
    const bytes = batch.seal({ producerId: 1n, epoch: 0 }, 0).slice();
    const { count, ranges, bytes: payload } = decodeRecordSet({
      stream: "t",
      partition: "0",
      bytes,
      position: 0n,
      aborted: [],
    });
    const text = new TextDecoder();
    return Array.from({ length: count }, (_, row) => {
      return text.decode(payload.subarray(ranges[4 * row + 2], ranges[4 * row + 3]));
    });
  });
}

Deno.test("outputs that go to one topic are in it in the order in which they were emitted", () => {
  const commit = commitOf([[0, "1"], [1, "2"], [0, "3"], [1, "4"]]);
  assertEquals(valuesIn(commit, [TOPIC, { ...TOPIC }]), [["1", "2", "3", "4"]]);
});

Deno.test("outputs that are compressed otherwise, or go elsewhere, have batches of their own", () => {
  const commit = commitOf([[0, "1"], [1, "2"], [0, "3"]]);
  for (const other of [{ ...TOPIC, topic: "u" }, { ...TOPIC, compression: "gzip" as const }]) {
    assertEquals(valuesIn(commit, [TOPIC, other]), [["1", "3"], ["2"]]);
  }
});
