/** MessagePack values (msgpack.org): what JSON can say, and bytes, times and whole numbers of 64 bits besides. */

import { decode, encode } from "@msgpack/msgpack";
import type { BytesCodec } from "../engine/codec.ts";

/** How MessagePack is read and written. */
export interface MessagePackOptions {
  /** Whether whole numbers beyond 2^53 are bigints; they fail otherwise. @default {false} */
  readonly bigints?: boolean;
}

/**
 * MessagePack values of type `T`, which is not checked at run time.
 *
 * @example
 * ```ts
 * import { msgpack } from "@sluice/sluice/processor";
 *
 * const orders = msgpack<{ id: string }>();
 * const { id } = await orders.decode(orders.encode({ id: "a" }));
 * console.assert(id === "a");
 * ```
 */
export function msgpack<T>({ bigints = false }: MessagePackOptions = {}): BytesCodec<T> {
  return {
    kind: "bytes",
    name: "msgpack",
    decode: (bytes) => decode(bytes, { useBigInt64: bigints }) as T,
    encode: (value) => encode(value, { useBigInt64: bigints, ignoreUndefined: true }),
  };
}
