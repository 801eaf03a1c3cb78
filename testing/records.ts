/** Records of a test, as its author writes them, and packed as a source would give them. */

import { packRecords } from "../adapters/memory/source.ts";
import type { Feed, Segment } from "../engine/feed.ts";

/** A record for a processor under test. */
export interface TestRecord<In = unknown> {
  /**
   * What the input decodes to: an object for `json()`, text for `text()`; or bytes, as they would come, for any input: those
   * of a record that cannot be decoded, too. Null is a tombstone.
   */
  readonly value: In | Uint8Array | null;
  /** The key, if any. */
  readonly key?: string | null;
  /** Which input it arrives at. @default {"default"} */
  readonly input?: string;
  /** The name of its stream. @default {"records"} */
  readonly stream?: string;
  /** Where it is in the stream. @default {"0"} */
  readonly partition?: string;
  /** Rises within a partition; the next number unless given. */
  readonly offset?: bigint;
  /** Milliseconds since the epoch. */
  readonly eventTimeMs?: number;
  /** What travels beside key and value. */
  readonly headers?: Readonly<Record<string, string | null>>;
}

/** A record with everything decided. */
export interface PlacedRecord extends TestRecord {
  readonly input: string;
  readonly stream: string;
  readonly partition: string;
  readonly offset: bigint;
  /** Logical time of its segment. */
  readonly timeMs: number;
}

/** The feed of `records`, in their order; `codecs` says how the values of each input are encoded. */
export function feedOf(seq: number, records: readonly PlacedRecord[], codecs: Readonly<Record<string, string>>): Feed {
  const lanes = Map.groupBy(records, ({ input, stream, partition }) => JSON.stringify([input, stream, partition]));
  const keys = [...lanes.keys()];
  const batches = [...lanes.values()].map((lane) => {
    const [{ stream, partition }] = lane;
    return packRecords(stream, partition, lane.map((record) => memoryRecord(record, codecs[record.input])));
  });
  const rows = batches.map(() => 0);
  const segments: Segment[] = records.map(({ input, stream, partition, timeMs }) => {
    const batch = keys.indexOf(JSON.stringify([input, stream, partition]));
    const row = rows[batch]++;
    return { batch, fromRow: row, toRow: row + 1, timeMs, input };
  });
  return { seq, batches, segments };
}

function memoryRecord({ value, key = null, offset, eventTimeMs, headers }: PlacedRecord, codec = "json") {
  return {
    key,
    offset,
    value: encode(value, codec),
    ...(eventTimeMs === undefined ? {} : { eventTimeMs }),
    ...(headers === undefined ? {} : { headers: Object.entries(headers) }),
  };
}

function encode(value: unknown, codec: string): string | Uint8Array | null {
  if (value === null || value instanceof Uint8Array) return value;
  if (codec === "json") return JSON.stringify(value);
  if (typeof value === "string") return value;
  throw new TypeError(`Cannot encode the value of a record: the ${codec} codec is not JSON, text or bytes are wanted`);
}
