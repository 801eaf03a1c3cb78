/** Raw bytes. */

import type { BytesCodec } from "../engine/codec.ts";

/** Bytes as they are. */
export function bytes(): BytesCodec<Uint8Array> {
  return { kind: "bytes", name: "bytes", decode: (value) => value, encode: (value) => value };
}
