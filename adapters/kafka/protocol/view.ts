/** Bytes as a `DataView`, whose getters are what the loops over records use. */

/** A view of exactly these bytes. */
export function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}
