/**
 * CRC-32C (Castagnoli), sixteen bytes at a time by sixteen tables: all look-ups but the first four can begin before those
 * of the bytes before are done, which makes it 1.4 times as fast as eight at a time.
 *
 * Source: Kounavis and Berry, "A systematic approach to building high performance, software-based, CRC generators", 2005.
 * Others, beside eight tables: a WebAssembly module is a fifth faster, native code five times and needs a permission
 * (reference measurements); at 100 ns of about 3,000 per record neither pays for a dependency.
 */

const POLYNOMIAL = 0x82f63b78;
const TABLES = makeTables();

function makeTables(): Int32Array {
  const tables = new Int32Array(16 * 256);
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
  for (; at + 16 <= end; at += 16) {
    const first = crc ^ view.getInt32(at, true);
    const second = view.getInt32(at + 4, true);
    const third = view.getInt32(at + 8, true);
    const fourth = view.getInt32(at + 12, true);
    crc = TABLES[0xf00 | first & 255] ^ TABLES[0xe00 | first >>> 8 & 255] ^ TABLES[0xd00 | first >>> 16 & 255] ^
      TABLES[0xc00 | first >>> 24] ^ TABLES[0xb00 | second & 255] ^ TABLES[0xa00 | second >>> 8 & 255] ^
      TABLES[0x900 | second >>> 16 & 255] ^ TABLES[0x800 | second >>> 24] ^ TABLES[0x700 | third & 255] ^
      TABLES[0x600 | third >>> 8 & 255] ^ TABLES[0x500 | third >>> 16 & 255] ^ TABLES[0x400 | third >>> 24] ^
      TABLES[0x300 | fourth & 255] ^ TABLES[0x200 | fourth >>> 8 & 255] ^ TABLES[0x100 | fourth >>> 16 & 255] ^
      TABLES[fourth >>> 24];
  }
  for (; at < end; at++) crc = (crc >>> 8) ^ TABLES[(crc ^ view.getUint8(at)) & 255];
  return ~crc >>> 0;
}

// V8 optimizes in the middle of the first megabyte. What it has not seen run by then, the bytes that are left and the end,
// makes it throw the code away, several times; what runs a few times only it does not see.
for (let call = 0; call < 100; call++) crc32c(new DataView(new ArrayBuffer(33)), 0, 33);
