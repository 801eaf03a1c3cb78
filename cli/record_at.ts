/** One record of any stream, named by its URI, partition and offset. */

import type { ReadResult, Source, SourcePartition } from "../adapters/source.ts";
import { offsetAt } from "../engine/batch.ts";
import { payloadAt } from "../formats/record_payload.ts";
import { openSource } from "./adapters.ts";
import { parseOffset } from "./offsets.ts";
import { UsageError } from "./usage_error.ts";

/** A record, as text. */
export interface NamedRecord {
  readonly key: string | null;
  readonly value: string | null;
}

const PLACE = /^([a-z][a-z+-]*:.+)\/([^/@]+)@(\d+(?:[-.]\d+)?)$/;
const WAIT_MS_MAX = 1000;
const READS_MAX = 30;

/** Whether `text` names a record of a stream: `kafka://host:port/topic/0@4711`. */
export function namesRecord(text: string): boolean {
  return PLACE.test(text);
}

/**
 * The record that `text` names; options of the stream stand before the partition: `redis://host/s?field=v/0@1-0`.
 *
 * @throws {UsageError} when there is none
 */
export async function recordAt(text: string): Promise<NamedRecord> {
  const [, uri, partition, digits] = PLACE.exec(text)!;
  const source = await openSource(uri, { isBounded: true });
  try {
    const at = (await source.partitions()).find((each) => each.partition === partition);
    const offset = parseOffset(digits)!;
    const result = at && await readPresent(source, at, offset);
    if (result?.kind !== "batch" || offsetAt(result.batch, 0) !== offset) {
      throw new UsageError(`Cannot find ${text}: there is no record at that offset`);
    }
    const { key, value } = payloadAt(result.batch, 0);
    return { key, value: value && new TextDecoder().decode(value) };
  } finally {
    await source.close();
  }
}

/** A source that has to ask for its records is idle meanwhile. */
async function readPresent(source: Source, at: SourcePartition, offset: bigint): Promise<ReadResult> {
  const limit = { recordsMax: 1, bytesMax: 1 };
  let result = await source.read(at, offset, limit);
  for (let reads = 0; result.kind === "idle" && reads < READS_MAX; reads++) {
    await source.waitForMore([at], AbortSignal.timeout(WAIT_MS_MAX));
    result = await source.read(at, offset, limit);
  }
  return result;
}
