/** Copies of some bytes, of which there are several per record. */

const WORD_BYTES = 4;

/**
 * Copies `[start, end)` of `from` to `at`; answers the place behind the copy.
 *
 * By words of four bytes, the last of which may overlap the one before: half the time of `set(subarray())` for 100 bytes,
 * a quarter of it for 4.
 */
export function copyBytes(from: DataView, start: number, end: number, to: DataView, at: number): number {
  const behind = at + end - start;
  if (end - start < WORD_BYTES) {
    for (let source = start; source < end; source++, at++) to.setUint8(at, from.getUint8(source));
    return behind;
  }
  const lastWord = end - WORD_BYTES;
  for (let source = start; source < lastWord; source += WORD_BYTES, at += WORD_BYTES) {
    to.setInt32(at, from.getInt32(source, true), true);
  }
  to.setInt32(behind - WORD_BYTES, from.getInt32(lastWord, true), true);
  return behind;
}
