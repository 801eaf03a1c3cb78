/** Plain text values. */

import type { TextCodec } from "../engine/codec.ts";

/** UTF-8 text, one value per record. */
export function text(): TextCodec<string> {
  return { kind: "text", name: "text", decode: (value) => value, encode: (value) => String(value) };
}
