/** Kinesis through the suite of its port, on an emulator. */

import { KinesisSource } from "../../adapters/kinesis/source.ts";
import { freshStream, putRecords } from "../support/kinesis.ts";
import { testSource } from "./source_suite.ts";

/** The emulator has no limits, and tests no time. */
const CALLS_PER_SECOND = 100;

testSource("kinesis source", async (lines) => {
  const address = await freshStream();
  await putRecords(address.stream, lines.map((value, i) => ({ key: `k${i % 7}`, value })));
  const source = await KinesisSource.open({
    ...address,
    start: "earliest",
    isBounded: true,
    callsPerSecond: CALLS_PER_SECOND,
  });
  return { source, [Symbol.asyncDispose]: () => source.close() };
});
