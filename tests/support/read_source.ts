/** What a bounded source brings, record by record. */

import type { ReadLimit, Source, SourcePartition } from "../../adapters/source.ts";
import { offsetAt } from "../../engine/batch.ts";
import { RecordHeaders } from "../../engine/headers.ts";
import { payloadAt } from "../../formats/record_payload.ts";

/** A record as it was read. */
export interface SourceRecord {
  readonly partition: number;
  readonly offset: bigint;
  readonly timeMs: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [name: string, value: string | null])[];
}

const WAIT_MS_MAX = 10_000;
const ALL: ReadLimit = { recordsMax: 10_000, bytesMax: 4 << 20 };

/** Reads `at` from `from` to its end. */
export async function readPartition(
  source: Source,
  at: SourcePartition,
  from: bigint,
  limit = ALL,
): Promise<SourceRecord[]> {
  const decoder = new TextDecoder();
  const records: SourceRecord[] = [];
  for (let position = from;;) {
    const result = await source.read(at, position, limit);
    if (result.kind === "ended" || result.kind === "closed") return records;
    if (result.kind === "gap") throw new Error(`there is a gap up to ${result.to}: ${result.reason}`);
    if (result.kind === "idle") {
      await source.waitForMore([at], AbortSignal.timeout(WAIT_MS_MAX));
      continue;
    }
    const { batch } = result;
    for (let row = 0; row < batch.count; row++) {
      const { key, value } = payloadAt(batch, row);
      records.push({
        partition: Number(at.partition),
        offset: offsetAt(batch, row),
        timeMs: batch.eventTimesMs![row],
        key,
        value: value && decoder.decode(value),
        headers: [...new RecordHeaders(batch.headers, row)].map((
          [name, bytes],
        ) => [name, bytes && decoder.decode(bytes)]),
      });
    }
    position = batch.next;
  }
}

/** Reads all partitions of `source` to their ends. */
export async function readAll(source: Source): Promise<SourceRecord[]> {
  const partitions = await source.partitions();
  const read = await Promise.all(partitions.map(async (at) => readPartition(source, at, await source.start(at))));
  return read.flat().sort((a, b) => a.partition - b.partition || Number(a.offset - b.offset));
}
