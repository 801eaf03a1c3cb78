/**
 * What a processor script imports: its definition and the codecs for its inputs and outputs.
 *
 * @example
 * ```ts
 * import { defineProcessor, json } from "@sluice/sluice/processor";
 *
 * export default defineProcessor({
 *   name: "totals",
 *   input: json<{ customer: string; cents: number }>(),
 *   output: json<{ customer: string; cents: number }>(),
 *   process({ value }, { state, emit }) {
 *     const cents = (state.get<number>(value.customer) ?? 0) + value.cents;
 *     state.set(value.customer, cents);
 *     emit({ key: value.customer, value: { customer: value.customer, cents } });
 *   },
 * });
 * ```
 *
 * @module
 */

export { defineProcessor } from "./engine/processor.ts";
export type {
  Codecs,
  Context,
  Decoded,
  Emitted,
  Encoded,
  FirstEncoded,
  Processor,
  RecordOf,
  SimpleProcessor,
} from "./engine/processor.ts";
export type { BytesCodec, Codec, TextCodec } from "./engine/codec.ts";
export type { EffectOptions } from "./engine/effects.ts";
export type { LogLevel } from "./engine/ambient.ts";
export { parameters } from "./engine/parameters.ts";
export type { HeadersInit, HeaderValue, RecordHeaders } from "./engine/headers.ts";
export type { Output } from "./engine/output.ts";
export type { Origin, StreamRecord } from "./engine/record.ts";
export type { GraphEdge, GraphStep, ProcessorGraph } from "./engine/graph.ts";
export type { State, StateGroup, StateValues } from "./engine/state.ts";
export type { Timer, Timers } from "./engine/timers.ts";
export { avro, type AvroOptions } from "./formats/avro/codec.ts";
export type { AvroSchema } from "./formats/avro/schema.ts";
export { bytes } from "./formats/bytes.ts";
export { csv, type CsvDialect, type CsvRow } from "./formats/csv_row.ts";
export { json, type SchemaIssue, type SchemaResult, type StandardSchema } from "./formats/json.ts";
export { type MessagePackOptions, msgpack } from "./formats/msgpack.ts";
export { text } from "./formats/text.ts";
