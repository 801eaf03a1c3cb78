/**
 * Positions in a shard as one ordered number, `sequence number << 32 | place in the aggregate`.
 *
 * Sequence numbers have up to 186 bits and are ordered within one shard only. Below them are the places where a run may
 * begin before it knows a sequence number: 0, the oldest record left; and times in ms, which are far smaller than any
 * sequence number. Above them all is the end of a shard that was closed.
 */

/** The oldest record that is left. */
export const TRIM_HORIZON = 0n;
/** Behind the last record of a closed shard. */
export const SHARD_END = 1n << 223n;
/** 32-bit words of an offset: 186 + 32 bits. */
export const OFFSET_WIDTH = 7;

const SUB_BITS = 32n;
const TIMES_END = 1n << 64n;

/** What a position means. */
export type Place =
  | { readonly kind: "horizon" }
  | { readonly kind: "time"; readonly timeMs: number }
  /** At that record; user records of an aggregate before `sub` are behind. */
  | { readonly kind: "record"; readonly sequence: bigint; readonly sub: number }
  | { readonly kind: "end" };

/** The meaning of `position`. */
export function placeOf(position: bigint): Place {
  if (position === TRIM_HORIZON) return { kind: "horizon" };
  if (position >= SHARD_END) return { kind: "end" };
  if (position < TIMES_END) return { kind: "time", timeMs: Number(position) };
  return { kind: "record", sequence: position >> SUB_BITS, sub: Number(BigInt.asUintN(Number(SUB_BITS), position)) };
}

/** The offset of a record. */
export function offsetOf(sequence: bigint, sub: number): bigint {
  return sequence << SUB_BITS | BigInt(sub);
}

/** As people know it: the sequence number, and the place in an aggregate behind a point. */
export function positionText(position: bigint): string {
  const place = placeOf(position);
  switch (place.kind) {
    case "horizon":
      return "the oldest record";
    case "time":
      return new Date(place.timeMs).toISOString();
    case "end":
      return "the end of the shard";
    case "record":
      return place.sub === 0 ? String(place.sequence) : `${place.sequence}.${place.sub}`;
    default:
      return place satisfies never;
  }
}
