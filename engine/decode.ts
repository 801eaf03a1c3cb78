/** From a row of a batch to the value a processor is given. */

import { UNREADABLE_TIME } from "./batch.ts";
import type { Codec } from "./codec.ts";
import type { JsonDecode } from "./json_decode.ts";
import { type TextBatch, valueBytesAt, valueTextAt } from "./text_batch.ts";

/** A record whose bytes are not what its input's codec takes. */
export class DecodeError extends Error {
  override readonly name = "DecodeError";
  readonly code = "E_DECODE";
}

/**
 * The value of `row`; null for a tombstone; a promise when the codec answers one.
 *
 * @throws {DecodeError} when the bytes are not a value of the codec
 */
export function decodeAt(batch: TextBatch, row: number, codec: Codec<unknown, never>): unknown {
  if (batch.eventTimesMs !== undefined && batch.eventTimesMs[row] === UNREADABLE_TIME) {
    throw new DecodeError("Cannot read the event time: the record's time field is neither milliseconds nor ISO 8601");
  }
  if (codec.kind === "bytes") {
    const bytes = valueBytesAt(batch, row);
    return bytes === null ? null : codec.decode(bytes);
  }
  if (batch.invalidRows.size > 0 && batch.invalidRows.has(row)) {
    throw new DecodeError(`Cannot decode the record as ${codec.name}: its bytes are not valid UTF-8`);
  }
  try {
    const { fromJson } = codec.decode as Partial<JsonDecode<unknown>>;
    if (fromJson !== undefined && batch.json !== undefined && batch.json.turnTo(row)) {
      return fromJson(batch.json.valueAt(row));
    }
    const text = valueTextAt(batch, row);
    return text === null ? null : codec.decode(text);
  } catch (cause) {
    // The class of a codec is not this one: codecs are bundled with the processor.
    if ((cause as Partial<DecodeError> | undefined)?.code === "E_DECODE") throw cause;
    throw new DecodeError(`Cannot decode the record as ${codec.name}: ${(cause as Error).message}`, { cause });
  }
}
