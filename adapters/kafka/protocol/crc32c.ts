/**
 * CRC-32C (Castagnoli), eight bytes at a time by eight tables.
 *
 * Source: Kounavis and Berry, "A systematic approach to building high performance, software-based, CRC generators", 2005.
 * Others: a WebAssembly module is a fifth faster, native code five times and needs a permission (reference measurements);
 * at 100 ns of about 3,500 per record neither pays for a dependency.
 */

const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    tables[byte] = crc;
  }
  for (let at = 256; at < tables.length; at++) {
    const before = tables[at - 256];
    tables[at] = (before >>> 8) ^ tables[before & 255];
  }
  return tables;
}

/** The checksum of the bytes `[start, end)` of `view`, from 0 to 2^32 - 1. */
export function crc32c(view: DataView, start: number, end: number): number {
  let crc = -1;
  let at = start;
  for (; at + 8 <= end; at += 8) {
    const low = crc ^ view.getInt32(at, true);
    const high = view.getInt32(at + 4, true);
    crc = TABLES[0x700 | low & 255] ^ TABLES[0x600 | low >>> 8 & 255] ^ TABLES[0x500 | low >>> 16 & 255] ^
      TABLES[0x400 | low >>> 24] ^ TABLES[0x300 | high & 255] ^ TABLES[0x200 | high >>> 8 & 255] ^
      TABLES[0x100 | high >>> 16 & 255] ^ TABLES[high >>> 24];
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ view.getUint8(at)) & 255];
  return ~crc >>> 0;
}
