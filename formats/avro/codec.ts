/**
 * Avro values. A schema is part of the code, and so of its hash; its fingerprint is the name of the codec, which the
 * journal keeps with each start: data and schema cannot drift apart unnoticed.
 */

import type { BytesCodec } from "../../engine/codec.ts";
import { AvroReader, AvroWriter } from "./binary.ts";
import { type Decoder, decoderFor } from "./decoder.ts";
import { encodeAs } from "./encoder.ts";
import { type AvroSchema, type AvroType, fingerprint, parseSchema } from "./schema.ts";

/** How values are framed, and who wrote them. */
export interface AvroOptions {
  /**
   * `raw`: nothing but the value; `single-object`: Avro's own frame, with the fingerprint of the writer's schema;
   * `confluent`: a zero byte and the four bytes of a registry's id. @default {"raw"}
   */
  readonly frame?: "raw" | "single-object" | "confluent";
  /** Schemas of writers, besides the reader's own: with `single-object` by their fingerprints; with `raw` one at most. */
  readonly writers?: readonly AvroSchema[];
  /** With `confluent`: the registry's id → the writer's schema. */
  readonly registered?: Readonly<Record<number, AvroSchema>>;
  /** With `confluent`: the id that is written. */
  readonly id?: number;
}

const MARKER = [0xc3, 0x01];

/**
 * Values of an Avro schema, of type `T`, resolved from whatever schema wrote them. Longs beyond 2^53 are bigints; of
 * unions, values come without the name of their branch, and are written as the first branch that has them. Logical types
 * are what they are made of: times are numbers.
 *
 * @throws {TypeError} when a schema is none, or a writer's cannot be read as the reader's
 */
export function avro<T>(schema: AvroSchema, options: AvroOptions = {}): BytesCodec<T> {
  const { frame = "raw", writers = [], registered = {}, id } = options;
  const reader = parseSchema(schema);
  if (frame === "raw" && writers.length > 1) {
    throw new TypeError(
      `Cannot tell ${writers.length} Avro writers apart: without a frame, values do not say whose they are`,
    );
  }
  const own = fingerprint(reader);
  const decoders = decodersFor(reader, { frame, writers, registered });
  return {
    kind: "bytes",
    name: `avro:${own.toString(16).padStart(16, "0")}`,
    decode: (bytes) => {
      const { by, from } = unframe(bytes, frame);
      const decode = decoders.get(by);
      if (!decode) throw new TypeError(`no schema is known for ${by}; known are ${[...decoders.keys()].join(", ")}`);
      const input = new AvroReader(bytes, from);
      const value = decode(input) as T;
      if (input.left > 0) throw new TypeError(`${input.left} bytes are left behind the value`);
      return value;
    },
    encode(value) {
      const writer = new AvroWriter();
      for (const byte of frameFor(frame, own, id)) writer.raw(Uint8Array.of(byte));
      encodeAs(reader, value, writer, "value");
      return writer.take();
    },
  };
}

function decodersFor(
  reader: AvroType,
  { frame, writers, registered }: Required<Pick<AvroOptions, "frame" | "writers" | "registered">>,
): ReadonlyMap<string, Decoder> {
  if (frame === "raw") {
    const writer = writers.length > 0 ? parseSchema(writers[0]) : reader;
    return new Map([["raw", decoderFor(writer, reader)]]);
  }
  if (frame === "confluent") {
    return new Map(
      Object.entries(registered).map(([id, schema]) => [`id ${id}`, decoderFor(parseSchema(schema), reader)]),
    );
  }
  return new Map(
    [reader, ...writers.map(parseSchema)].map((writer) =>
      [`fingerprint ${fingerprint(writer).toString(16)}`, decoderFor(writer, reader)] as const
    ),
  );
}

function unframe(
  bytes: Uint8Array,
  frame: NonNullable<AvroOptions["frame"]>,
): { readonly by: string; readonly from: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  switch (frame) {
    case "raw":
      return { by: "raw", from: 0 };
    case "single-object":
      if (bytes.length < 10 || bytes[0] !== MARKER[0] || bytes[1] !== MARKER[1]) {
        throw new TypeError("it has no Avro frame");
      }
      return { by: `fingerprint ${view.getBigUint64(2, true).toString(16)}`, from: 10 };
    case "confluent":
      if (bytes.length < 5 || bytes[0] !== 0) throw new TypeError("it has no frame of a schema registry");
      return { by: `id ${view.getUint32(1)}`, from: 5 };
    default:
      return frame satisfies never;
  }
}

function frameFor(frame: NonNullable<AvroOptions["frame"]>, own: bigint, id: number | undefined): readonly number[] {
  switch (frame) {
    case "raw":
      return [];
    case "single-object":
      return [...MARKER, ...Array.from({ length: 8 }, (_, i) => Number((own >> BigInt(8 * i)) & 0xffn))];
    case "confluent":
      if (id === undefined) {
        throw new TypeError("Cannot write Avro for a schema registry: the id of the schema is missing");
      }
      return [0, ...[24, 16, 8, 0].map((shift) => (id >>> shift) & 0xff)];
    default:
      return frame satisfies never;
  }
}
