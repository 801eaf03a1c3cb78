/** Formats of declared pipelines, by name. */

import type { Codec } from "../../engine/codec.ts";
import { avro, type AvroOptions } from "../../formats/avro/codec.ts";
import type { AvroSchema } from "../../formats/avro/schema.ts";
import { bytes } from "../../formats/bytes.ts";
import { csv, type CsvDialect } from "../../formats/csv_row.ts";
import { json } from "../../formats/json.ts";
import { type MessagePackOptions, msgpack } from "../../formats/msgpack.ts";
import { text } from "../../formats/text.ts";
import type { FormatSpec } from "./spec.ts";

type Options = Readonly<Record<string, unknown>>;

const FORMATS: Readonly<Record<string, (options: Options) => Codec<unknown, never>>> = {
  json: () => json<unknown>(),
  text: () => text() as Codec<unknown, never>,
  bytes: () => bytes() as Codec<unknown, never>,
  csv: (options) => csv(options as unknown as CsvDialect) as Codec<unknown, never>,
  msgpack: (options) => msgpack(options as MessagePackOptions) as Codec<unknown, never>,
  avro: ({ schema, ...options }) => avro(schema as AvroSchema, options as AvroOptions) as Codec<unknown, never>,
};

/** The names of all formats. */
export const FORMAT_NAMES: readonly string[] = Object.keys(FORMATS);

/** The codec of `spec`; JSON unless it says otherwise. */
export function declaredFormat(spec: FormatSpec = "json"): Codec<unknown, never> {
  const named = typeof spec === "string" ? [[spec, {}] as const] : Object.entries(spec);
  if (named.length !== 1) {
    throw new TypeError(`Cannot use ${named.length} formats: one is wanted, of ${FORMAT_NAMES.join(", ")}`);
  }
  const [[name, options]] = named;
  return FORMATS[name](options as Options);
}
