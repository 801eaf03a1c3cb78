/** MurmurHash2 as Kafka's Java producer uses it to find the partition of a key (`Utils.murmur2`, seed 0x9747b28c). */

const SEED = 0x9747b28c;
const MIX = 0x5bd1e995;

/** The partition, of so many, of the key `[start, end)`. */
export function partitionOfKey(key: DataView, start: number, end: number, partitions: number): number {
  return (murmur2(key, start, end) & 0x7fffffff) % partitions;
}

/** The hash of the bytes `[start, end)`, as a signed 32-bit integer. */
export function murmur2(bytes: DataView, start: number, end: number): number {
  let hash = SEED ^ (end - start);
  let at = start;
  for (; at + 4 <= end; at += 4) {
    let word = Math.imul(bytes.getInt32(at, true), MIX);
    word = Math.imul(word ^ (word >>> 24), MIX);
    hash = Math.imul(hash, MIX) ^ word;
  }
  const left = end - at;
  if (left === 3) hash ^= bytes.getUint8(at + 2) << 16;
  if (left >= 2) hash ^= bytes.getUint8(at + 1) << 8;
  if (left >= 1) hash = Math.imul(hash ^ bytes.getUint8(at), MIX);
  hash = Math.imul(hash ^ (hash >>> 13), MIX);
  return hash ^ (hash >>> 15);
}
