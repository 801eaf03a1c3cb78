/** One record of a packed batch, taken out for people and tables. */

import { ABSENT, type Batch } from "../engine/batch.ts";

/** The key and the payload of one record. */
export interface RecordPayload {
  readonly key: string | null;
  readonly value: Uint8Array | null;
}

/** The key and the payload of `row`; a key that is not UTF-8 is shown with replacement characters. */
export function payloadAt({ ranges, bytes }: Batch, row: number): RecordPayload {
  const [keyStart, keyEnd, valueStart, valueEnd] = ranges.subarray(4 * row, 4 * row + 4);
  return {
    key: keyStart === ABSENT ? null : new TextDecoder().decode(bytes.subarray(keyStart, keyEnd)),
    value: valueStart === ABSENT ? null : bytes.slice(valueStart, valueEnd),
  };
}
