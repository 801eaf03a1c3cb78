/** Offsets as people know them: numbers; in Redis ids, `milliseconds-sequence`; in Kinesis sequence numbers. */

import { offsetOf, positionText } from "../adapters/kinesis/position.ts";
import { isRedis } from "./adapters.ts";
import { parseUri } from "./uri.ts";

const SEQUENCE_BITS = 64n;
/** Sequence numbers of Kinesis have up to 56 digits; nothing else has so many. */
const KINESIS_DIGITS_MIN = 40;

/** `offset` in the words of the system at `uri`. */
export function offsetText(uri: string | undefined, offset: bigint): string {
  const scheme = uri === undefined ? undefined : parseUri(uri).scheme;
  if (scheme === "kinesis") return positionText(offset);
  if (scheme === undefined || !isRedis(scheme)) return String(offset);
  return `${offset >> SEQUENCE_BITS}-${BigInt.asUintN(Number(SEQUENCE_BITS), offset)}`;
}

/** What {@linkcode offsetText} made, of whichever system; undefined when it is no offset. */
export function parseOffset(text: string): bigint | undefined {
  const [, kinesis, sub = "0"] = /^(\d+)(?:\.(\d+))?$/.exec(text) ?? [];
  if (kinesis !== undefined && kinesis.length >= KINESIS_DIGITS_MIN) return offsetOf(BigInt(kinesis), Number(sub));
  const [, first, sequence] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (first === undefined) return undefined;
  return sequence === undefined ? BigInt(first) : BigInt(first) << SEQUENCE_BITS | BigInt(sequence);
}
