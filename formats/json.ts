/** JSON values, with or without a schema. */

import type { TextCodec } from "../engine/codec.ts";
import { DecodeError } from "../engine/decode.ts";
import { jsonDecode } from "../engine/json_decode.ts";

/** What Standard Schema (standardschema.dev, version 1) asks of a validator: zod, valibot, arktype and others comply. */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the specification prescribes. */
  readonly "~standard": {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | Promise<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a Standard Schema answers. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** Why a Standard Schema refuses a value. */
export interface SchemaIssue {
  /** The reason. */
  readonly message: string;
  /** Where in the value. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/**
 * JSON values of type `T`, which is not checked at run time.
 *
 * @example
 * ```ts
 * import { json } from "@sluice/sluice/processor";
 *
 * const orders = json<{ id: string; cents: number }>();
 * console.assert(orders.decode('{"id":"a","cents":5}') !== null);
 * ```
 */
export function json<T>(): TextCodec<T>;
/** JSON values that `schema` validates; a value that fails is handled by the error policy, with path and reason. */
export function json<Input, Output>(schema: StandardSchema<Input, Output>): TextCodec<Output, Input>;
export function json(schema?: StandardSchema): TextCodec<unknown> {
  return {
    kind: "text",
    name: "json",
    isSingleLine: true,
    decode: jsonDecode(schema ? (value) => validate(schema, value) : (value) => value),
    encode: toJson,
  };
}

function toJson(value: unknown): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`Cannot emit output: JSON has no form for a ${typeof value}`);
  return text;
}

function validate(schema: StandardSchema, value: unknown): unknown {
  const result = schema["~standard"].validate(value);
  return result instanceof Promise ? result.then(accept) : accept(result);
}

function accept(result: SchemaResult<unknown>): unknown {
  if (result.issues === undefined) return result.value;
  const reasons = result.issues.map(({ path, message }) => path?.length ? `${pathText(path)}: ${message}` : message);
  throw new DecodeError(`Cannot accept the record: ${reasons.join("; ")}`);
}

function pathText(path: NonNullable<SchemaIssue["path"]>): string {
  return path.map((part) => String(typeof part === "object" ? part.key : part)).join(".");
}
