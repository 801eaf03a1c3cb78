/** Kinesis through the suites of its ports, on an emulator. */

import type { KinesisAddress } from "../../adapters/kinesis/client.ts";
import { KinesisSink } from "../../adapters/kinesis/sink.ts";
import { KinesisSource, type KinesisSourceOptions } from "../../adapters/kinesis/source.ts";
import { freshStream, putRecords } from "../support/kinesis.ts";
import { readAll } from "../support/read_source.ts";
import { testSink } from "./sink_suite.ts";
import { testSource } from "./source_suite.ts";

/** The emulator has no limits, and tests no time. */
const CALLS_PER_SECOND = 100;

function openBounded(
  address: KinesisAddress,
  options: Partial<KinesisSourceOptions> = {},
): Promise<KinesisSource> {
  return KinesisSource.open({
    ...address,
    start: "earliest",
    isBounded: true,
    callsPerSecond: CALLS_PER_SECOND,
    ...options,
  });
}

testSource("kinesis source", async (lines) => {
  const address = await freshStream();
  await putRecords(address.stream, lines.map((value, i) => ({ key: `k${i % 7}`, value })));
  const source = await openBounded(address);
  return { source, [Symbol.asyncDispose]: () => source.close() };
});

testSink("kinesis sink", async () => {
  const address = await freshStream();
  return {
    open: () => KinesisSink.open(address),
    // Written twice after a crash, read once: by a run that asks for it.
    read: async () => {
      const source = await openBounded(address, { withoutRepeats: true });
      const records = await readAll(source);
      await source.close();
      return records.map(({ value }) => value ?? "null");
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
});
