/**
 * A batch as durable bytes: how the journal keeps captured inputs.
 *
 * ```
 * version  1 byte: 1, or 2 for a batch with headers
 * header   4 bytes length (little endian), then JSON: stream, partition, count, offsetWidth, next, anchor?, sizes
 * columns  ranges, offsetWords, eventTimesMs (when present), in version 2 the headers' starts, ranges and bytes, then
 *          bytes; each as in memory, little endian
 * ```
 */

import type { Batch } from "../engine/batch.ts";

const VERSION = 1;
const VERSION_WITH_HEADERS = 2;

interface Header {
  readonly stream: string;
  readonly partition: string;
  readonly count: number;
  readonly offsetWidth: number;
  readonly next: string;
  readonly anchor?: string;
  readonly hasEventTimes: boolean;
  /** Version 2: how many headers there are, and the length of their bytes. */
  readonly headers?: readonly [count: number, bytes: number];
}

/** The bytes of `batch`. */
export function packBatch(batch: Batch): Uint8Array<ArrayBuffer> {
  const { stream, partition, count, offsetWidth, next, anchor, eventTimesMs, headers } = batch;
  const header: Header = {
    stream,
    partition,
    count,
    offsetWidth,
    next: String(next),
    ...(anchor === undefined ? {} : { anchor }),
    hasEventTimes: eventTimesMs !== undefined,
    ...(headers ? { headers: [headers.ranges.length / 4, headers.bytes.length] as const } : {}),
  };
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(5);
  start[0] = headers ? VERSION_WITH_HEADERS : VERSION;
  new DataView(start.buffer).setUint32(1, headerBytes.length, true);
  const optional = [
    ...(eventTimesMs ? [eventTimesMs] : []),
    ...(headers ? [headers.starts, headers.ranges, headers.bytes] : []),
  ];
  const columns = [batch.ranges, batch.offsetWords, ...optional, batch.bytes];
  const parts = [start, headerBytes, ...columns.map((column) => bytesOf(column))];
  const packed = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    packed.set(part, at);
    at += part.length;
  }
  return packed;
}

/**
 * The batch that {@linkcode packBatch} packed.
 *
 * @throws {RangeError} when the bytes are of an unknown version or too few
 */
export function unpackBatch(packed: Uint8Array): Batch {
  if (packed[0] !== VERSION && packed[0] !== VERSION_WITH_HEADERS) {
    throw new RangeError(
      `Cannot unpack batch: its version is ${packed[0]}, ${VERSION} or ${VERSION_WITH_HEADERS} is wanted`,
    );
  }
  if (packed.length < 5) throw new RangeError("Cannot unpack batch: it is cut off");
  const view = new DataView(packed.buffer, packed.byteOffset, packed.byteLength);
  const headerEnd = 5 + view.getUint32(1, true);
  const header = JSON.parse(new TextDecoder().decode(packed.subarray(5, headerEnd))) as Header;
  checkHeader(header);
  const { hasEventTimes, next, headers: headerSizes, ...rest } = header;
  let at = headerEnd;
  const take = (bytes: number): ArrayBuffer => {
    if (at + bytes > packed.length) throw new RangeError("Cannot unpack batch: it is cut off");
    return packed.slice(at, at += bytes).buffer;
  };
  const ranges = new Uint32Array(take(rest.count * 16));
  const offsetWords = new Uint32Array(take(rest.count * rest.offsetWidth * 4));
  const eventTimesMs = hasEventTimes ? new Float64Array(take(rest.count * 8)) : undefined;
  const headers = headerSizes && {
    starts: new Uint32Array(take(4 * (rest.count + 1))),
    ranges: new Uint32Array(take(16 * headerSizes[0])),
    bytes: new Uint8Array(take(headerSizes[1])),
  };
  const bytes = new Uint8Array(take(packed.length - at));
  const optional = { ...(eventTimesMs ? { eventTimesMs } : {}), ...(headers ? { headers } : {}) };
  return { ...rest, next: BigInt(next), ranges, offsetWords, bytes, ...optional };
}

/** Whoever made the bytes may have meant harm. */
function checkHeader({ stream, partition, count, offsetWidth, next, headers = [0, 0] }: Header): void {
  const isCount = (value: unknown) => Number.isInteger(value) && value as number >= 0;
  const areTexts = [stream, partition, next].every((value) => typeof value === "string");
  if (areTexts && [count, offsetWidth, ...headers].every(isCount) && /^\d+$/.test(next)) return;
  throw new RangeError("Cannot unpack batch: its header is not one of a batch");
}

function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Uint32Array | Float64Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
