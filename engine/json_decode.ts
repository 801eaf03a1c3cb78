/**
 * Decoders of JSON that take values as well, so that many records can be parsed at once (`json_pieces.ts`).
 *
 * It is the function that says so, not its codec: a codec made from another one, `{ ...json(), decode }`, decodes as it
 * says itself.
 */

/** A decoder of texts whose `decode(text)` is `fromJson(JSON.parse(text))`. */
export interface JsonDecode<T> {
  /** From a text. */
  (text: string): T;
  /** From what JSON made of it. */
  readonly fromJson: (value: unknown) => T;
}

/** The decoder that makes its values by `fromJson`. */
export function jsonDecode<T>(fromJson: (value: unknown) => T): JsonDecode<T> {
  return Object.assign((text: string) => fromJson(JSON.parse(text)), { fromJson });
}
