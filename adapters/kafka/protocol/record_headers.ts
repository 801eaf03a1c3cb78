/** Headers as a record holds them: a count, then names and values with their lengths, all zig-zag varints (KIP-82). */

import type { Header } from "../../../engine/headers.ts";

const encoder = new TextEncoder();

/** The bytes of `headers`. */
export function encodeHeaders(headers: readonly Header[]): Uint8Array {
  const bytes: number[] = [];
  pushInt(bytes, headers.length);
  for (const { name, value } of headers) {
    pushBytes(bytes, encoder.encode(name));
    if (value === null) pushInt(bytes, -1);
    else pushBytes(bytes, value);
  }
  return Uint8Array.from(bytes);
}

function pushBytes(bytes: number[], field: Uint8Array): void {
  pushInt(bytes, field.length);
  for (const byte of field) bytes.push(byte);
}

function pushInt(bytes: number[], value: number): void {
  let zigzag = (value << 1) ^ (value >> 31);
  for (; zigzag & ~127; zigzag >>>= 7) bytes.push((zigzag & 127) | 128);
  bytes.push(zigzag);
}
