/** As much of the package as our sources use: what its own types say of it is not needed to compile them. */
export function decode(bytes: Uint8Array, options?: { readonly useBigInt64?: boolean }): unknown;
export function encode(
  value: unknown,
  options?: { readonly useBigInt64?: boolean; readonly ignoreUndefined?: boolean },
): Uint8Array<ArrayBuffer>;
