/** Compression of record batches: gzip and zstd by `node:zlib`, snappy and lz4 by WebAssembly. */

import { Buffer } from "node:buffer";
import { gunzipSync, gzipSync, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { lz4Compress, lz4Decompress, snappyCompress, snappyDecompress } from "@platformatic/wasm-utils/bundled";

/** The codecs, by the number that a batch's attributes hold. */
export const CODECS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;

/** See {@linkcode CODECS}. */
export type Codec = typeof CODECS[number];

/** Compresses the records of a batch. */
export function compress(codec: Codec, bytes: Uint8Array): Uint8Array {
  const buffer = asBuffer(bytes);
  switch (codec) {
    case "none":
      return bytes;
    case "gzip":
      return gzipSync(buffer);
    case "snappy":
      return snappyCompress(buffer);
    case "lz4":
      return lz4Compress(buffer);
    case "zstd":
      return zstdCompressSync(buffer);
    default:
      return codec satisfies never;
  }
}

/** Decompresses the records of a batch. */
export function decompress(codec: Codec, bytes: Uint8Array): Uint8Array {
  const buffer = asBuffer(bytes);
  switch (codec) {
    case "none":
      return bytes;
    case "gzip":
      return gunzipSync(buffer);
    case "snappy":
      return unframeSnappy(buffer);
    case "lz4":
      return lz4Decompress(buffer);
    case "zstd":
      return zstdDecompressSync(buffer);
    default:
      return codec satisfies never;
  }
}

function asBuffer({ buffer, byteOffset, byteLength }: Uint8Array): Buffer {
  return Buffer.from(buffer as ArrayBuffer, byteOffset, byteLength);
}

const XERIAL_MAGIC = Buffer.from([0x82, 0x53, 0x4e, 0x41, 0x50, 0x50, 0x59, 0]);
const XERIAL_HEADER = 16;

/** Java frames snappy as xerial's snappy-java does: magic, two versions, then length and block in turn; others do not. */
function unframeSnappy(bytes: Buffer): Uint8Array {
  if (!bytes.subarray(0, XERIAL_MAGIC.length).equals(XERIAL_MAGIC)) return snappyDecompress(bytes);
  const blocks: Uint8Array[] = [];
  for (let at = XERIAL_HEADER; at < bytes.length;) {
    const end = at + 4 + bytes.readInt32BE(at);
    blocks.push(snappyDecompress(bytes.subarray(at + 4, end)));
    at = end;
  }
  return Buffer.concat(blocks);
}
