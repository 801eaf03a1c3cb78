/** How the bytes of a record become a value and back. */

/** A codec over UTF-8 text: the batch is decoded at once and `decode` sees one record's part of it. */
export interface TextCodec<In, Out = In> {
  /** What the codec works on. */
  readonly kind: "text";
  /** Shown in errors. */
  readonly name: string;
  /** True when what it encodes never contains a line feed. */
  readonly isSingleLine?: boolean;
  /** Throws when the text is not a value of this codec. May return a promise (asynchronous schemas). */
  decode(text: string): In | Promise<In>;
  /** Throws when the value has no form. */
  encode(value: Out): string;
}

/** A codec over raw bytes. */
export interface BytesCodec<In, Out = In> {
  /** What the codec works on. */
  readonly kind: "bytes";
  /** Shown in errors. */
  readonly name: string;
  /** True when what it encodes never contains a line feed. */
  readonly isSingleLine?: boolean;
  /** Throws when the bytes are not a value of this codec. */
  decode(bytes: Uint8Array): In | Promise<In>;
  /** Throws when the value has no form. */
  encode(value: Out): Uint8Array;
}

/** How the bytes of a record become a value and back. */
export type Codec<In, Out = In> = TextCodec<In, Out> | BytesCodec<In, Out>;
