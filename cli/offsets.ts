/** Offsets as people know them: numbers; in Redis ids, `milliseconds-sequence`. */

import { isRedis } from "./adapters.ts";
import { parseUri } from "./uri.ts";

const SEQUENCE_BITS = 64n;

/** `offset` in the words of the system at `uri`. */
export function offsetText(uri: string | undefined, offset: bigint): string {
  if (uri === undefined || !isRedis(parseUri(uri).scheme)) return String(offset);
  return `${offset >> SEQUENCE_BITS}-${BigInt.asUintN(Number(SEQUENCE_BITS), offset)}`;
}

/** What {@linkcode offsetText} made, of whichever system; undefined when it is no offset. */
export function parseOffset(text: string): bigint | undefined {
  const [, first, sequence] = /^(\d+)(?:-(\d+))?$/.exec(text) ?? [];
  if (first === undefined) return undefined;
  return sequence === undefined ? BigInt(first) : BigInt(first) << SEQUENCE_BITS | BigInt(sequence);
}
